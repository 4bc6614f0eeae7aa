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
use std::{collections::BTreeMap, rc::Rc};

use crate::{
    ledger::Ledger,
    platform::{Effect, Host, Platform, Result},
    sender::Sender,
};

type Task = Pin<Box<dyn Future<Output = Result<String>>>>;

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
///         Ok(Vec::new())
///     }
///     fn now(&self) -> u64 {
///         1_795_000_000
///     }
///     fn wake(&self) {}
///     fn warn(&self, _: &str) {}
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
    tasks: BTreeMap<u32, Task>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("part", &self.part)
            .field("under_way", &self.tasks.keys())
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
            tasks: BTreeMap::new(),
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
        let Some(task) = self.tasks.remove(&id) else {
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
