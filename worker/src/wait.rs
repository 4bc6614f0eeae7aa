//! Requests that wait for a change of the object's rows, and deadlines for everything outside.

use std::{cell::RefCell, future::Future, pin::pin, time::Duration};

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
        within(seconds, receiver).await.is_some()
    }

    /// Wakes them all.
    pub(crate) fn wake(&self) {
        for waiter in self.0.take() {
            // a waiter that gave up is gone
            let _ = waiter.send(());
        }
    }
}

/// The future's output, if it comes in time; else the future is dropped.
pub(crate) async fn within<F: Future>(seconds: u64, future: F) -> Option<F::Output> {
    let delay = Delay::from(Duration::from_secs(seconds));
    match select(pin!(future), pin!(delay)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
