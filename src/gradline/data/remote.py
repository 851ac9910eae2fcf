"""Why a file far away cannot be read, in plain words, whichever of the libraries on the way there failed."""

import re
from urllib.parse import urlsplit

from gradline.core.errors import FileError
from gradline.core.text import said

# How one shows who one is, by the scheme of an address; the libraries read all of these themselves.
_S3 = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
_GOOGLE = (
    "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS to the file of a key"
)
_AZURE = "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"
_CREDENTIALS = {
    **dict.fromkeys(("s3", "s3a"), _S3),
    **dict.fromkeys(("gs", "gcs"), _GOOGLE),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), _AZURE),
    "hf": "set HF_TOKEN",
}
_LATER = "try again, or copy the file first"
# What the libraries say, the first that fits: a server's status in words, or an error of their own.
_BUSY = "service unavailable|slowdown|too many requests"
_BROKEN = "response body|end of file before|incomplete|reset by peer|broken pipe|ill-formed|bytes came"
_UNKNOWN = "credential|forbidden|unauthori[sz]ed|privilege|token request|identity|account must be specified"
_NOTHING = "not found|no such|nosuch|expanded paths were empty"
_NO_WAY = "dns|lookup address|resolve host|connect|refused|sending request"
_CAUSES = [
    (_UNKNOWN, "the server does not know you, or you may not read it", None),
    ("timed out", "no answer came in time", _LATER),
    (_BROKEN, "the connection broke off", _LATER),
    (_NOTHING, "there is nothing", "check the address"),
    (_BUSY, "the server is too busy", _LATER),
    (_NO_WAY, "no connection could be made", "check the address and the network"),
    ("out.of.spec", "the file is damaged, or its end did not come", "copy it again, or write it again whole"),
]
_NAMES = re.compile(r"\(path: [^)]*\)|\w+://\S+|GET \S+")  # in which a word may stand by chance


def unreachable(url: str, error: object) -> FileError:
    """The refusal of what a URL names.

    >>> unreachable("gs://b/t.csv", "Your default credentials were not found").cause
    'cannot read gs://b/t.csv: the server does not know you, or you may not read it'
    """
    told = said(error)
    words = _NAMES.sub("", told.replace(url, "")).lower()
    what, remedy = next(
        ((what, remedy) for pattern, what, remedy in _CAUSES if re.search(pattern, words)),
        (told, "check the address, your rights and the network"),
    )
    if code := re.search(r"<Code>(\w+)</Code>", told):
        what += f" ({code[1]})"
    scheme = urlsplit(url).scheme
    return FileError(
        "url-unreadable",
        f"cannot read {url}: {what}",
        remedy or _CREDENTIALS.get(scheme, "check the address and your rights"),
    )
