"""What the gateway and CloudMonitor refuse with: code, HTTP status and message, from
facts/cloudmonitor.md §1.4 and §5.
"""

from __future__ import annotations

_TABLE: dict[str, tuple[int, str]] = {
    # CloudMonitor's own (§1.4)
    "InvalidParameterValue": (400, "Illegal parameters."),
    "InvalidAuthorization": (403, "Permission denied"),
    "ContactGroup.NotExists": (404, "ContactGroup not exists"),
    "ContactNotExists": (404, "ContactGroupName Not Exists"),
    # texts are inferred (§1.4)
    "ContactGroupNotExists": (404, "ContactGroup not exists"),
    "ResourceNotFound": (404, "The specified resource is not found."),
    # inferred: nothing documents such a refusal (facts/contact-group-operations.md §A4)
    "ContactGroup.InUse": (400, "ContactGroup is used by alarm rules"),
    "InternalError": (500, "The request processing has failed due to some unknown error."),
    # The gateway's (facts/cloudmonitor.md §5)
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "InvalidAccessKeyId.Inactive": (400, "Specified access key is disabled."),
    "SignatureDoesNotMatch": (400, "Specified signature is not matched with our calculation."),
    "IncompleteSignature": (400, "The request signature does not conform to Aliyun standards."),
    "InvalidSignatureMethod": (400, "Specified signature method is not valid."),
    "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "IllegalTimestamp": (
        400,
        (
            'The input parameter "Timestamp" that is mandatory for processing this request is'
            " not supplied."
        ),
    ),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "InvalidSecurityToken.Expired": (400, "Specified SecurityToken is expired."),
    "InvalidSecurityToken.Malformed": (400, "Specified SecurityToken is malformed."),
    "InvalidSecurityToken.MismatchWithAccessKey": (
        400,
        "Specified SecurityToken mismatch with the AccessKey.",
    ),
    "Forbidden.RAM": (
        403,
        (
            "User not authorized to operate on the specified resource, or this API doesn't support"
            " RAM."
        ),
    ),
    "NoPermission": (403, "You are not authorized to do this action."),
    "Forbidden": (403, "User not authorized to operate on the specified resource."),
    "Throttling": (400, "Request was denied due to request throttling."),
    "Throttling.User": (400, "Request was denied due to user flow control."),
    "Throttling.Api": (400, "Request was denied due to api flow control."),
    "InvalidAction.NotFound": (
        404,
        "Specified api is not found, please check your url and method.",
    ),
    "InvalidProduct.NotFound": (404, "Cannot find product according to your specified domain."),
    "InvalidProtocol.NeedSsl": (404, "Your request is denied as lack of ssl protect."),
    "InvalidVersion": (400, "Specified parameter Version is not valid."),
    "NoSuchVersion": (400, "The specified version does not exist."),
    "UnsupportedHTTPMethod": (400, "This http method not supported."),
    "InvalidParameter.Format": (
        400,
        "Specified parameter Format is not valid.",
    ),  # the text is inferred
    "UnknownError": (
        500,
        "The request processing has failed due to some unknown error, exception or failure.",
    ),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
}


class Refusal(Exception):
    """A request is refused with an error code.

    Attributes:
        code: For example `SignatureDoesNotMatch`.
        status: The HTTP status that goes with it; 400 for a code that the table does not hold.
        message: The text; the table's unless another is given.
    """

    def __init__(self, code: str, message: str | None = None, status: int | None = None) -> None:
        known_status, known_message = _TABLE.get(code, (400, code))
        self.code = code
        self.status = known_status if status is None else status
        self.message = known_message if message is None else message
        super().__init__(f"{code}: {self.message}")


def missing(parameter: str) -> Refusal:
    """The refusal of a request without a mandatory parameter, `Missing…` as the gateway names it
    (§5).
    """
    return Refusal(f"Missing{parameter}", f"{parameter} is mandatory for this action.")
