//! The few parts of a request that decisions look at.

/// A request as the shim hands it over; absent headers are `None`, or empty where that is the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Upper case.
    pub method: &'a str,
    /// Absolute, as the platform spells it.
    pub url: &'a str,
    /// `Accept`.
    pub accept: &'a str,
    /// `Cookie`.
    pub cookie: &'a str,
    /// `PAYMENT-SIGNATURE`.
    pub payment: Option<&'a str>,
    /// `X-PAYMENT`.
    pub x_payment: Option<&'a str>,
    /// The client's network address.
    pub address: Option<&'a str>,
    /// `SIGN-IN-WITH-X`.
    pub sign_in: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// Reads the shim's form: eight lines in the order of the fields; the last four start with `=` where
    /// the header is present, and the very last may be missing.
    pub fn from_lines(text: &'a str) -> Option<Self> {
        let mut lines = text.split('\n');
        let mut line = || lines.next();
        let request = Self {
            method: line()?,
            url: line()?,
            accept: line()?,
            cookie: line()?,
            payment: line()?.strip_prefix('='),
            x_payment: line()?.strip_prefix('='),
            address: line()?.strip_prefix('='),
            sign_in: line().and_then(|line| line.strip_prefix('=')),
        };
        lines.next().is_none().then_some(request)
    }

    /// Whether the answer is for a person's eyes: a browser asks for HTML, and nothing signed came.
    pub fn wants_page(&self) -> bool {
        let signed = self.payment.is_some() || self.x_payment.is_some() || self.sign_in.is_some();
        !signed && self.accept.contains("text/html")
    }
}
