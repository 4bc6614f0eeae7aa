//! What the shim offers to one object (`worker/shim/platform.js`): SQL, an alarm, a clock, waiting, posting.

use js_sys::Array;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

/// What goes wrong here is an exception of the platform's, or a text of ours; either ends the call.
pub(crate) type Result<T> = core::result::Result<T, JsValue>;

#[wasm_bindgen]
extern "C" {
    /// The platform as one object sees it.
    #[derive(Clone, Debug)]
    pub type Platform;

    /// Runs one statement; the first column of its rows, as texts. Values are texts as well, which a column of
    /// integers takes as integers.
    #[wasm_bindgen(method, catch)]
    fn query(this: &Platform, sql: &str, values: Array) -> Result<Array>;

    /// Unix seconds.
    #[wasm_bindgen(method)]
    pub(crate) fn now(this: &Platform) -> u32;

    /// Sets the alarm to a time from now, or takes it away.
    #[wasm_bindgen(method, catch)]
    pub(crate) async fn alarm(this: &Platform, seconds: Option<u32>) -> Result<JsValue>;

    /// Waits until [`Platform::wake`], at most this many seconds.
    #[wasm_bindgen(method, catch)]
    pub(crate) async fn wait(this: &Platform, seconds: u32) -> Result<JsValue>;

    /// Ends every wait.
    #[wasm_bindgen(method)]
    pub(crate) fn wake(this: &Platform);

    /// Posts JSON, with the headers that `auth` asks for; a line with the status, then the body. Fails where no whole answer
    /// of at most this many bytes came in time.
    #[wasm_bindgen(method, catch)]
    pub(crate) async fn post(this: &Platform, url: &str, auth: &str, body: &str, seconds: u32, most: u32) -> Result<JsValue>;

    /// Writes to the log.
    #[wasm_bindgen(js_namespace = console)]
    pub(crate) fn warn(text: &str);
}

impl Platform {
    /// Runs one statement; the first column of its rows.
    pub(crate) fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        let values = values.iter().copied().map(JsValue::from_str).collect();
        Ok(self
            .query(sql, values)?
            .iter()
            .filter_map(|value| value.as_string())
            .collect())
    }
}
