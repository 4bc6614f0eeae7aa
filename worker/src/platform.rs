//! What the object's code asks of its surroundings: SQL, a clock and a log, answered at once; and effects, which it waits for.
//!
//! The Worker's shim is one such surrounding (`crate::exports`), a simulator on the host another.

use core::{
    fmt,
    future::{Future, poll_fn},
    task::Poll,
};
use std::{cell::RefCell, rc::Rc};

/// What ends a call: a text for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure(String);

impl From<&str> for Failure {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Failure {}

/// What comes of a platform's operation, and of a call.
pub type Result<T> = core::result::Result<T, Failure>;

/// What one object finds around it, at once.
pub trait Host: fmt::Debug {
    /// Runs one statement; the first column of its rows, as texts. Values are texts as well, which a column of
    /// integers takes as integers.
    ///
    /// # Errors
    /// Where the statement fails.
    fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>>;

    /// Unix seconds.
    fn now(&self) -> u64;

    /// Ends every [`Effect::Wait`] of the object. The waiting calls go on later, not in here.
    fn wake(&self);

    /// Says what happened: an event, then a line for each value, its name before it.
    fn say(&self, text: &str);

    /// Whether there are books, which [`Effect::Books`] writes to.
    fn has_books(&self) -> bool {
        false
    }

    /// Empties the object's storage, tables and all; what the same step writes afterwards stays.
    fn clear(&self) {}

    /// A secret of the Worker's, by its name.
    fn secret(&self, _name: &str) -> Option<String> {
        None
    }
}

/// What a call waits for: whoever runs the object does it and hands the result to [`crate::Object::resume`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Post JSON; the result is a line with the status, then the body. Fails where no whole answer came in time.
    Post {
        /// Where to.
        url: String,
        /// What is sent with it besides, see [`Settler::auth`](farthing::route::config::Settler::auth).
        auth: String,
        /// JSON.
        body: String,
        /// How long the whole exchange may take.
        seconds: u32,
        /// The longest answer, in bytes.
        most: u32,
    },
    /// Set the alarm to so many seconds from now, or take it away; the result is empty.
    Alarm(Option<u32>),
    /// Wait until [`Host::wake`], at most so many seconds; the result is empty.
    Wait(u32),
    /// Run one statement in the books, with one value if the text is not empty; the result is the first column of
    /// its rows, a line each.
    Books {
        /// SQL, one line.
        sql: String,
        /// JSON.
        value: String,
    },
    /// Call another object by its name, as the gate does; the result is its answer.
    Call {
        /// Its name.
        object: String,
        /// What it is asked.
        call: String,
        /// JSON.
        body: String,
    },
    /// Call a sender by its name; the result is its answer.
    Send {
        /// Its name.
        object: String,
        /// What it is asked.
        call: String,
        /// JSON.
        body: String,
    },
}

/// Between a call and what runs it. Only one call of an object runs at a time, so one place serves all.
#[derive(Debug)]
enum Slot {
    Empty,
    Asked(Effect),
    Answered(Result<String>),
}

/// The surroundings of one object, as its code sees them.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    host: Rc<dyn Host>,
    slot: Rc<RefCell<Slot>>,
}

impl Platform {
    pub(crate) fn new(host: impl Host + 'static) -> Self {
        Self {
            host: Rc::new(host),
            slot: Rc::new(RefCell::new(Slot::Empty)),
        }
    }

    /// Runs one statement; the first column of its rows.
    pub(crate) fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        self.host.sql(sql, values)
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> u64 {
        self.host.now()
    }

    /// Ends every wait.
    pub(crate) fn wake(&self) {
        self.host.wake();
    }

    /// Writes to the log.
    pub(crate) fn say(&self, event: &str, values: &[(&str, &str)]) {
        let mut text = event.to_owned();
        for (name, value) in values {
            for part in ["\n", name, " ", value] {
                text.push_str(part);
            }
        }
        self.host.say(&text);
    }

    /// Sets the alarm to a time from now, or takes it away.
    pub(crate) async fn alarm(&self, seconds: Option<u32>) -> Result<()> {
        self.ask(Effect::Alarm(seconds)).await.map(drop)
    }

    /// Waits until [`Platform::wake`], at most this many seconds.
    pub(crate) async fn wait(&self, seconds: u32) -> Result<()> {
        self.ask(Effect::Wait(seconds)).await.map(drop)
    }

    /// Posts JSON; a line with the status, then the body. Fails where no whole answer of at most this many
    /// bytes came in time.
    pub(crate) async fn post(&self, url: &str, auth: &str, body: &str, seconds: u32, most: u32) -> Result<String> {
        let effect = Effect::Post {
            url: url.to_owned(),
            auth: auth.to_owned(),
            body: body.to_owned(),
            seconds,
            most,
        };
        self.ask(effect).await
    }

    /// Whether there are books.
    pub(crate) fn has_books(&self) -> bool {
        self.host.has_books()
    }

    /// Empties the object's storage.
    pub(crate) fn clear(&self) {
        self.host.clear();
    }

    /// Runs one statement in the books, with one value if it is not empty; the first column of its rows.
    pub(crate) async fn books(&self, sql: &str, value: &str) -> Result<String> {
        let (sql, value) = (sql.to_owned(), value.to_owned());
        self.ask(Effect::Books { sql, value }).await
    }

    /// Calls another object.
    pub(crate) async fn call(&self, object: &str, call: &str, body: &str) -> Result<String> {
        let effect = Effect::Call {
            object: object.to_owned(),
            call: call.to_owned(),
            body: body.to_owned(),
        };
        self.ask(effect).await
    }

    /// Calls a sender.
    pub(crate) async fn send(&self, object: &str, call: &str, body: String) -> Result<String> {
        let effect = Effect::Send {
            object: object.to_owned(),
            call: call.to_owned(),
            body,
        };
        self.ask(effect).await
    }

    /// A secret of the Worker's, by its name.
    pub(crate) fn secret(&self, name: &str) -> Option<String> {
        self.host.secret(name)
    }

    /// Hands an effect out, and ends with its result.
    fn ask(&self, effect: Effect) -> impl Future<Output = Result<String>> {
        let slot = Rc::clone(&self.slot);
        let mut effect = Some(effect);
        poll_fn(move |_| {
            let found = slot.replace(Slot::Empty);
            match (effect.take(), found) {
                (Some(effect), Slot::Empty) => {
                    slot.replace(Slot::Asked(effect));
                    Poll::Pending
                }
                (None, Slot::Answered(result)) => Poll::Ready(result),
                // the executor has no other answer to give: a call that waits for two things is ours to mend
                _ => Poll::Ready(Err("a call waits for two things at once".into())),
            }
        })
    }

    /// The effect that the call which just ran waits for.
    pub(crate) fn asked(&self) -> Option<Effect> {
        match self.slot.replace(Slot::Empty) {
            Slot::Asked(effect) => Some(effect),
            _ => None,
        }
    }

    /// Lays down what the call which runs next has waited for.
    pub(crate) fn answer(&self, result: Result<String>) {
        self.slot.replace(Slot::Answered(result));
    }
}

#[cfg(test)]
mod tests {
    use core::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    #[derive(Debug)]
    struct Nobody;

    impl Host for Nobody {
        fn sql(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
            Err("no table".into())
        }
        fn now(&self) -> u64 {
            0
        }
        fn wake(&self) {}
        fn say(&self, _: &str) {}
    }

    fn poll<F: Future>(future: core::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_effect_goes_out_once_and_ends_with_its_result() {
        let platform = Platform::new(Nobody);
        let mut post = pin!(platform.post("https://f.example/settle", "x-site SITE", "{}", 20, 1024));
        assert!(poll(post.as_mut()).is_pending());
        let effect = Effect::Post {
            url: "https://f.example/settle".to_owned(),
            auth: "x-site SITE".to_owned(),
            body: "{}".to_owned(),
            seconds: 20,
            most: 1024,
        };
        assert_eq!(platform.asked(), Some(effect));
        assert_eq!(platform.asked(), None);
        platform.answer(Ok("200\n{}".to_owned()));
        assert_eq!(poll(post.as_mut()), Poll::Ready(Ok("200\n{}".to_owned())));
    }

    #[test]
    fn a_failure_of_the_platform_is_the_caller_s_to_handle() {
        let platform = Platform::new(Nobody);
        let mut alarm = pin!(platform.alarm(Some(30)));
        assert!(poll(alarm.as_mut()).is_pending());
        assert_eq!(platform.asked(), Some(Effect::Alarm(Some(30))));
        platform.answer(Err("the storage is gone".into()));
        assert_eq!(poll(alarm.as_mut()), Poll::Ready(Err("the storage is gone".into())));
        assert_eq!(platform.sql("SELECT 1", &[]), Err("no table".into()));
    }

    #[test]
    fn a_call_that_waits_for_two_things_fails_instead_of_losing_one() {
        let platform = Platform::new(Nobody);
        let (mut one, mut other) = (pin!(platform.wait(1)), pin!(platform.wait(2)));
        assert!(poll(one.as_mut()).is_pending());
        assert!(matches!(poll(other.as_mut()), Poll::Ready(Err(_))));
        // and who goes on without an answer is told so too
        assert!(matches!(poll(one.as_mut()), Poll::Ready(Err(_))));
    }
}
