//! Header names of both protocol generations (x402 HTTP transport, v2 and v1).

/// Server to client on 402: the offers, v2.
pub const PAYMENT_REQUIRED: &str = "PAYMENT-REQUIRED";
/// Client to server: the payment, v2.
pub const PAYMENT_SIGNATURE: &str = "PAYMENT-SIGNATURE";
/// Server to client: the settlement, v2.
pub const PAYMENT_RESPONSE: &str = "PAYMENT-RESPONSE";
/// Client to server: the payment, v1.
pub const X_PAYMENT: &str = "X-PAYMENT";
/// Server to client: the settlement, v1.
pub const X_PAYMENT_RESPONSE: &str = "X-PAYMENT-RESPONSE";
/// Client to server: a proof of the account, extension `sign-in-with-x`.
pub const SIGN_IN_WITH_X: &str = "SIGN-IN-WITH-X";
