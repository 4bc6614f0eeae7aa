//! Requests that wait for a change of the object's rows.

use std::{cell::RefCell, pin::pin, time::Duration};

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use worker::Delay;

/// Everybody who waits for a row to change.
#[derive(Default)]
pub(crate) struct Waiters(RefCell<Vec<oneshot::Sender<()>>>);

impl Waiters {
    /// Waits for a change, at most this many seconds; whether there was one.
    pub(crate) async fn wait(&self, seconds: u64) -> bool {
        let (sender, receiver) = oneshot::channel();
        self.0.borrow_mut().push(sender);
        let delay = Delay::from(Duration::from_secs(seconds));
        matches!(select(pin!(receiver), pin!(delay)).await, Either::Left(_))
    }

    /// Wakes them all.
    pub(crate) fn wake(&self) {
        for waiter in self.0.take() {
            // a waiter that gave up is gone
            let _ = waiter.send(());
        }
    }
}
