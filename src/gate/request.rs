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
    /// The rest of what the gate wants to see ([`super::Gate::wanted`]): lines of lower-case name, colon, space, value.
    pub more: &'a str,
}

impl<'a> Request<'a> {
    /// Reads the shim's form: eight lines in the order of the fields, of which the last four start with `=` where
    /// the header is present; then a line for each header of `more`.
    /// ```
    /// use farthing::gate::Request;
    /// let request = Request::from_lines("GET\nhttps://a.example/x\n*/*\n\n\n\n=192.0.2.1\n\norigin: https://b.example").unwrap();
    /// assert_eq!((request.payment, request.address), (None, Some("192.0.2.1")));
    /// assert_eq!(request.header("origin"), Some("https://b.example"));
    /// assert!(Request::from_lines("GET\nhttps://a.example/x").is_none());
    /// ```
    pub fn from_lines(text: &'a str) -> Option<Self> {
        let mut lines = text.splitn(9, '\n');
        let mut line = || lines.next();
        Some(Self {
            method: line()?,
            url: line()?,
            accept: line()?,
            cookie: line()?,
            payment: line()?.strip_prefix('='),
            x_payment: line()?.strip_prefix('='),
            address: line()?.strip_prefix('='),
            sign_in: line().and_then(|line| line.strip_prefix('=')),
            more: line().unwrap_or_default(),
        })
    }

    /// A header of `more`; of several in one name the platform makes one line, with commas.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        let pairs = self.more.lines().filter_map(|line| line.split_once(": "));
        pairs.into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Whether a person went to this page, as far as a browser says so: not one that looks ahead, not a program that says nothing.
    /// Whoever wants to can say the same.
    pub fn is_visit(&self) -> bool {
        let is = |name, value| self.header(name) == Some(value);
        let ahead = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
        let ahead = ahead.iter().filter_map(|name| self.header(name));
        self.method == "GET"
            && self.wants_page()
            && is("sec-fetch-mode", "navigate")
            && is("sec-fetch-dest", "document")
            && !ahead.into_iter().any(|value| value.contains("pre"))
    }

    /// Whether a page of the site itself sent this: what changes something is done for nobody else (threat E10).
    pub fn is_from_here(&self) -> bool {
        match self.header("sec-fetch-site") {
            Some(site) => site == "same-origin",
            // browsers that do not say it name the page's origin
            None => self.header("origin").is_some_and(|origin| {
                let rest = self.url.strip_prefix(origin);
                rest.is_some_and(|rest| rest.starts_with('/'))
            }),
        }
    }

    /// Whether the answer is for a person's eyes: a browser asks for HTML, and nothing signed came.
    pub fn wants_page(&self) -> bool {
        !self.is_signed() && self.accept.contains("text/html")
    }

    /// Whether anything signed came.
    pub(super) fn is_signed(&self) -> bool {
        self.payment.is_some() || self.x_payment.is_some() || self.sign_in.is_some() || self.is_crawler()
    }
}
