//! One object and its calls: the executor of the ledger's async code.
//!
//! A call runs until it waits for an [`Effect`], which is handed out; with the effect's result it goes on. Nothing else
//! wakes it, so wakers do nothing. Dropping the object drops its calls where they wait, as a crash would.

use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::rc::Rc;

use crate::{
    ledger::Ledger,
    platform::{Effect, Host, Platform, Result},
    sender::Sender,
};

type Task = Pin<Box<dyn Future<Output = Result<String>>>>;

/// Things by their number. Numbers rise, so a new one is last as a rule; a map's code would be ten times as long.
#[derive(Debug)]
pub(crate) struct Numbered<T>(Vec<(u32, T)>);

impl<T> Numbered<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    fn place(&self, number: u32) -> core::result::Result<usize, usize> {
        self.0.binary_search_by_key(&number, |(number, _)| *number)
    }

    pub(crate) fn insert(&mut self, number: u32, thing: T) {
        self.remove(number);
        let at = self.place(number).unwrap_or_else(|at| at);
        self.0.insert(at, (number, thing));
    }

    #[cfg(any(target_arch = "wasm32", test))]
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        let at = self.place(number).ok()?;
        self.0.get_mut(at).map(|(_, thing)| thing)
    }

    pub(crate) fn remove(&mut self, number: u32) -> Option<T> {
        let at = self.place(number).ok()?;
        Some(self.0.remove(at).1)
    }
}

/// How far a call came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It waits for this; [`Object::resume`] goes on with the result.
    Waits(Effect),
    /// It is over, with its answer.
    Ended(Result<String>),
}

/// What an object does with its calls.
#[derive(Clone, Debug)]
enum Part {
    Ledger(Rc<Ledger>),
    Sender(Rc<Sender>),
}

/// One payer's ledger at one site, or one gas key's sender, and its calls under way.
///
/// ```
/// use farthing_worker::{Effect, Host, Object, Result, Step};
///
/// #[derive(Debug)]
/// struct Nothing;
/// impl Host for Nothing {
///     fn sql(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
///         Ok(vec!["0".into()])
///     }
///     fn now(&self) -> u64 {
///         1_795_000_000
///     }
///     fn wake(&self) {}
///     fn say(&self, _: &str) {}
/// }
///
/// let mut object = Object::open(Nothing);
/// // nobody owes anything here: the alarm is taken away
/// assert_eq!(object.start(1, "alarm", ""), Step::Waits(Effect::Alarm(None)));
/// assert_eq!(object.resume(1, Ok(String::new())), Step::Ended(Ok(String::new())));
/// ```
pub struct Object {
    platform: Platform,
    part: Part,
    tasks: Numbered<Task>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("part", &self.part)
            .field("under_way", &self.tasks.0.len())
            .finish()
    }
}

impl Object {
    /// A payer's ledger over its storage.
    pub fn open(host: impl Host + 'static) -> Self {
        let platform = Platform::new(host);
        let part = Part::Ledger(Rc::new(Ledger::new(platform.clone())));
        Self::new(platform, part)
    }

    /// A gas key's sender over its storage.
    pub fn open_sender(host: impl Host + 'static) -> Self {
        let platform = Platform::new(host);
        let part = Part::Sender(Rc::new(Sender::new(platform.clone())));
        Self::new(platform, part)
    }

    const fn new(platform: Platform, part: Part) -> Self {
        Self {
            platform,
            part,
            tasks: Numbered::new(),
        }
    }

    /// Starts one of the gate's calls by name, or `alarm`, under a number that no other call of the object has.
    pub fn start(&mut self, id: u32, call: &str, body: &str) -> Step {
        let (call, body) = (call.to_owned(), body.to_owned());
        let task: Task = match self.part.clone() {
            Part::Ledger(ledger) => Box::pin(async move { ledger.call(&call, &body).await }),
            Part::Sender(sender) => Box::pin(async move { sender.call(&call, &body).await }),
        };
        self.run(id, task)
    }

    /// Goes on with a call, given the result of what it waited for.
    pub fn resume(&mut self, id: u32, result: Result<String>) -> Step {
        let Some(task) = self.tasks.remove(id) else {
            return Step::Ended(Err("there is no such call".into()));
        };
        self.platform.answer(result);
        self.run(id, task)
    }

    fn run(&mut self, id: u32, mut task: Task) -> Step {
        let polled = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        match (polled, self.platform.asked()) {
            (Poll::Ready(result), _) => Step::Ended(result),
            (Poll::Pending, Some(effect)) => {
                self.tasks.insert(id, task);
                Step::Waits(effect)
            }
            (Poll::Pending, None) => Step::Ended(Err("a call waits for nothing".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_under_a_number_is_found_under_it_alone() {
        let mut things = Numbered::new();
        for number in [3, 1, 2, 3] {
            things.insert(number, number * 10);
        }
        assert_eq!(things.get_mut(2), Some(&mut 20));
        assert_eq!(things.remove(3), Some(30));
        assert_eq!((things.remove(3), things.get_mut(4)), (None, None));
        assert_eq!((things.remove(1), things.remove(2)), (Some(10), Some(20)));
    }
}
