//! One payer's object and everything around it, event by event, in simulated time.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    rc::Rc,
};

use farthing_worker::{Effect, Host, Object, Result, Step};
use rusqlite::{Connection, types::ValueRef};

use super::{
    chain::{BLOCK_SECONDS, Chain, Deed, GENESIS},
    chance::Chance,
    clients::{Client, Doing},
    facilitator::{Mood, Temper, closed, noise, refusal, success},
    readers::Reader,
};

/// What is wrong with the platform, on purpose: each has to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// What was written in the last steps is lost in a crash, though it was acted upon.
    LosesWrites,
    /// Alarms never come.
    NoAlarms,
    /// The endpoint shows transfers to others as ours.
    BlindChain,
    /// The books take what is older over what is newer.
    OldOverwrites,
    /// What a bundle opened is not noted.
    ForgetsOpened,
    /// Nobody is asked whether the payer may pay.
    NobodyScreens,
}

/// Who is asked whether the payer may pay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screening {
    /// Whether payments go on where it says nothing.
    pub(crate) lets_through: bool,
    /// For how long its answer counts.
    pub(crate) seconds: u64,
    /// How often it says no, of a thousand answers: it changes its mind.
    pub(crate) refuses: u64,
}

/// What stands in a history's first line.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) temper: Temper,
    /// Whether the chain can be read.
    pub(crate) readable: bool,
    pub(crate) confirmations: u64,
    /// Whether blocks may be undone, once.
    pub(crate) undone: bool,
    /// Whether the payer cancels, and observers submit.
    pub(crate) others: bool,
    /// Whether the page is sold by the call.
    pub(crate) single: bool,
    pub(crate) tagged: bool,
    /// How many articles each payment opens, where bundles are sold.
    pub(crate) bundle: Option<u32>,
    /// Whether the publisher keeps books.
    pub(crate) books: bool,
    /// Crashes in a thousand steps.
    pub(crate) crashes: u64,
    /// Each authorization's article, and the end of its window.
    pub(crate) authorizations: Vec<(usize, u64)>,
    pub(crate) screening: Option<Screening>,
    pub(crate) broken: Option<Broken>,
}

#[derive(Debug)]
pub(crate) struct Around {
    storage: RefCell<Connection>,
    /// The publisher's books, which no crash of an object touches.
    books: RefCell<Connection>,
    has_books: bool,
    millis: Cell<u64>,
    woken: Cell<bool>,
    forgets_opened: bool,
}

/// The object's view of it.
#[derive(Debug)]
struct View(Rc<Around>);

impl Host for View {
    fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        self.0.sql(sql, values)
    }

    fn now(&self) -> u64 {
        self.0.millis.get() / 1000
    }

    fn wake(&self) {
        self.0.woken.set(true);
    }

    fn say(&self, _: &str) {}

    fn has_books(&self) -> bool {
        self.0.has_books
    }

    fn clear(&self) {
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
        for table in self.0.sql(tables, &[]).unwrap() {
            self.0.sql(&format!("DROP TABLE {table}"), &[]).unwrap();
        }
    }
}

impl Around {
    pub(crate) fn sql(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        if self.forgets_opened && sql.starts_with("INSERT INTO opened") {
            return Ok(Vec::new());
        }
        Self::run(&self.storage.borrow(), sql, values)
    }

    pub(crate) fn in_books(&self, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        Self::run(&self.books.borrow(), sql, values)
    }

    fn run(storage: &Connection, sql: &str, values: &[&str]) -> Result<Vec<String>> {
        let fail = |error: rusqlite::Error| error.to_string();
        let mut statement = storage.prepare_cached(sql).map_err(fail)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(fail)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(fail)? {
            all.push(match row.get_ref(0).map_err(fail)? {
                ValueRef::Null => "null".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
            });
        }
        Ok(all)
    }
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Client(usize),
    Reader(usize),
    Alarm,
    Nobody,
}

#[derive(Debug)]
struct Task {
    who: Who,
    /// Counts what it asked for, so that a late result of one thing is none of the next.
    asked: u32,
    /// It waits to be woken.
    waiting: bool,
}

/// What a result belongs to: a task, and which of the things it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    task: u32,
    number: u32,
}

#[derive(Debug)]
pub(crate) enum Event {
    Block,
    Alarm(u64),
    AlarmAgain,
    Client(usize),
    Reader(usize),
    WaitOver(Asked),
    Done {
        task: Asked,
        result: Result<String>,
    },
    Arrives {
        task: Asked,
        url: String,
        body: String,
        deadline: u64,
    },
    Settles {
        task: Asked,
        authorization: usize,
        deadline: u64,
    },
    /// A statement reaches the books, whoever sent it is still there or not.
    Booked {
        task: Asked,
        sql: String,
        value: String,
        told: bool,
    },
    Broadcast {
        authorization: usize,
        deed: Deed,
    },
    Observer {
        authorization: usize,
        deed: Deed,
    },
}

pub(crate) struct World {
    pub(crate) setting: Setting,
    pub(crate) chance: Chance,
    pub(crate) around: Rc<Around>,
    object: Option<Object>,
    pub(crate) chain: Chain,
    tasks: BTreeMap<u32, Task>,
    next_task: u32,
    alarm: Option<u64>,
    queue: BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, Event>,
    serial: u64,
    pub(crate) clients: Vec<Client>,
    pub(crate) readers: Vec<Reader>,
    /// The articles that went out.
    pub(crate) delivered: BTreeSet<usize>,
    /// No faults any more: what is left is to end well.
    pub(crate) calm: bool,
    has_undone: bool,
    /// Which authorizations were refused and broadcast, and which were called settled without a block.
    pub(crate) lied: Vec<usize>,
    pub(crate) hasty: Vec<usize>,
    /// Which authorizations a facilitator was asked to settle.
    shown: Vec<usize>,
    /// Whether it was ever said that the payer may pay.
    allowed: bool,
    /// The article that each authorization was first fetched for.
    pub(crate) bound: BTreeMap<usize, usize>,
    pub(crate) violation: Option<String>,
    pub(crate) history: Vec<String>,
    steps: u64,
    pub(crate) crashes: u64,
    pub(crate) deliveries: u64,
}

impl World {
    pub(crate) fn new(setting: Setting, clients: Vec<Client>, readers: Vec<Reader>, chance: Chance) -> Self {
        let mut world = Self {
            chain: Chain::new(chance.clone()),
            chance,
            around: Rc::new(Around {
                storage: RefCell::new(Connection::open_in_memory().unwrap()),
                books: RefCell::new(Connection::open_in_memory().unwrap()),
                has_books: setting.books,
                millis: Cell::new(GENESIS * 1000),
                woken: Cell::new(false),
                forgets_opened: setting.broken == Some(Broken::ForgetsOpened),
            }),
            setting,
            object: None,
            tasks: BTreeMap::new(),
            next_task: 1,
            alarm: None,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            serial: 0,
            clients,
            readers,
            delivered: BTreeSet::new(),
            calm: false,
            has_undone: false,
            lied: Vec::new(),
            hasty: Vec::new(),
            shown: Vec::new(),
            allowed: false,
            bound: BTreeMap::new(),
            violation: None,
            history: Vec::new(),
            steps: 0,
            crashes: 0,
            deliveries: 0,
        };
        world.after(0, Event::Block);
        for client in 0..world.clients.len() {
            let start = world.chance.below(60_000);
            world.after(start, Event::Client(client));
        }
        for reader in 0..world.readers.len() {
            let start = world.chance.below(120_000);
            world.after(start, Event::Reader(reader));
        }
        if world.setting.others {
            for authorization in 0..world.setting.authorizations.len() {
                if world.chance.happens(300) {
                    let deed = *world.chance.of(&[Deed::Pay, Deed::Cancel, Deed::Cancel]);
                    let at = world.chance.below(90_000);
                    let event = match deed {
                        Deed::Pay => Event::Observer { authorization, deed },
                        Deed::Cancel => Event::Broadcast { authorization, deed },
                    };
                    world.after(at, event);
                }
            }
        }
        world
    }

    pub(crate) fn now(&self) -> u64 {
        self.around.millis.get() / 1000
    }

    pub(crate) fn note(&mut self, text: String) {
        let millis = self.around.millis.get() - GENESIS * 1000;
        self.history.push(format!("{:>8} {text}", millis));
    }

    pub(crate) fn after(&mut self, millis: u64, event: Event) {
        self.serial += 1;
        self.queue.push(Reverse((self.around.millis.get() + millis, self.serial)));
        self.events.insert(self.serial, event);
    }

    /// Lets the next thing happen, up to a time; whether there was one.
    pub(crate) fn step(&mut self, until: u64) -> bool {
        match self.queue.peek() {
            Some(Reverse((at, _))) if *at <= until => {}
            _ => return false,
        }
        let Some(Reverse((at, serial))) = self.queue.pop() else {
            return false;
        };
        self.around.millis.set(at.max(self.around.millis.get()));
        if let Some(event) = self.events.remove(&serial) {
            self.happen(event);
        }
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Block => self.block(),
            Event::Alarm(at) if self.alarm == Some(at) => self.ring(),
            Event::Alarm(_) => {}
            Event::AlarmAgain => self.ring(),
            Event::Client(client) => self.act(client),
            Event::Reader(reader) => self.reader_acts(reader),
            Event::WaitOver(asked) => {
                if self.tasks.get(&asked.task).is_some_and(|task| task.waiting) {
                    self.resume(asked, Ok(String::new()));
                }
            }
            Event::Done { task, result } => self.resume(task, result),
            Event::Arrives {
                task,
                url,
                body,
                deadline,
            } => self.arrives(task, &url, &body, deadline),
            Event::Settles {
                task,
                authorization,
                deadline,
            } => self.settles(task, authorization, deadline),
            Event::Booked { task, sql, value, told } => {
                let sql = match self.setting.broken {
                    Some(Broken::OldOverwrites) => sql.replace("WHERE excluded.version > payment.version", ""),
                    _ => sql,
                };
                let values: &[&str] = if value.is_empty() { &[] } else { &[&value] };
                let result = self.around.in_books(&sql, values).map(|rows| rows.join("\n"));
                if told {
                    self.resume(task, result);
                }
            }
            // an observer submits what it has seen, and only a facilitator was shown it
            Event::Observer { authorization, .. } if !self.shown.contains(&authorization) => {}
            Event::Broadcast { authorization, deed } | Event::Observer { authorization, deed } => {
                self.note(format!("somebody sends {deed:?} for {authorization}"));
                self.chain.send(authorization, deed);
            }
        }
    }

    fn block(&mut self) {
        let ends: Vec<u64> = self.setting.authorizations.iter().map(|(_, end)| *end).collect();
        let now = self.now();
        self.chain.mine(now, |authorization| ends[authorization]);
        if self.setting.undone && !self.has_undone && !self.calm && self.chance.happens(30) {
            self.has_undone = true;
            let depth = self.chance.between(1, 2);
            self.note(format!("{depth} blocks are undone"));
            self.chain.undo(depth);
            self.chain.mine(now, |authorization| ends[authorization]);
        }
        // a day without anybody needs no block every two seconds
        let seconds = if self.calm { 120 } else { BLOCK_SECONDS };
        self.after(seconds * 1000, Event::Block);
    }

    fn ring(&mut self) {
        if self.setting.broken == Some(Broken::NoAlarms) {
            return;
        }
        // one at a time
        if self.tasks.values().any(|task| task.who == Who::Alarm) {
            return self.after(1000, Event::AlarmAgain);
        }
        self.alarm = None;
        if !self.calm && self.chance.happens(100) {
            let again = self.chance.below(30_000);
            self.after(again, Event::AlarmAgain);
        }
        self.note("the alarm rings".into());
        self.start(Who::Alarm, "alarm", "");
    }

    /// A call into the object.
    pub(crate) fn start(&mut self, who: Who, call: &str, body: &str) {
        let id = self.next_task;
        self.next_task += 1;
        let task = Task {
            who,
            asked: 0,
            waiting: false,
        };
        self.tasks.insert(id, task);
        self.enter(id, |object| object.start(id, call, body));
    }

    fn resume(&mut self, asked: Asked, result: Result<String>) {
        let id = asked.task;
        if let Some(task) = self.tasks.get_mut(&id)
            && task.asked == asked.number
        {
            task.waiting = false;
            self.enter(id, |object| object.resume(id, result));
        }
    }

    /// One synchronous step: what it writes and what it sends go together, or neither does.
    fn enter(&mut self, id: u32, run: impl FnOnce(&mut Object) -> Step) {
        let crash = !self.calm && self.chance.happens(self.setting.crashes);
        if self.setting.broken == Some(Broken::LosesWrites) {
            self.remember();
        }
        self.around.sql("SAVEPOINT step", &[]).unwrap();
        let around = &self.around;
        let object = self.object.get_or_insert_with(|| Object::open(View(Rc::clone(around))));
        let step = run(object);
        let before = crash && self.chance.happens(500);
        if before {
            self.around.sql("ROLLBACK TO step", &[]).unwrap();
        }
        self.around.sql("RELEASE step", &[]).unwrap();
        if self.setting.broken == Some(Broken::LosesWrites) && crash {
            self.around.sql("ROLLBACK TO last", &[]).unwrap();
        }
        if !before {
            self.stepped(id, step);
        }
        if crash {
            self.crash();
        }
        if self.around.woken.replace(false) {
            let waiting = self.tasks.iter_mut().filter(|(_, task)| task.waiting);
            let woken: Vec<Asked> = waiting
                .map(|(id, task)| {
                    task.waiting = false;
                    Asked {
                        task: *id,
                        number: task.asked,
                    }
                })
                .collect();
            for task in woken {
                let result = Ok(String::new());
                self.after(0, Event::Done { task, result });
            }
        }
    }

    /// A platform that writes to its disk every fourth step only, and acts in between.
    fn remember(&mut self) {
        if self.steps.is_multiple_of(4) {
            if self.steps > 0 {
                self.around.sql("RELEASE last", &[]).unwrap();
            }
            self.around.sql("SAVEPOINT last", &[]).unwrap();
        }
        self.steps += 1;
    }

    fn stepped(&mut self, id: u32, step: Step) {
        let Some(running) = self.tasks.get_mut(&id) else {
            return;
        };
        running.asked += 1;
        running.waiting = matches!(step, Step::Waits(Effect::Wait(_)));
        let task = Asked {
            task: id,
            number: running.asked,
        };
        match step {
            Step::Waits(Effect::Alarm(seconds)) => {
                self.alarm = seconds.map(|seconds| self.around.millis.get() + u64::from(seconds) * 1000);
                if let Some(at) = self.alarm {
                    let late = !self.calm && self.chance.happens(100);
                    let late = if late { self.chance.below(20_000) } else { 0 };
                    self.after(at + late - self.around.millis.get(), Event::Alarm(at));
                }
                let result = Ok(String::new());
                self.after(0, Event::Done { task, result });
            }
            Step::Waits(Effect::Wait(seconds)) => {
                self.after(u64::from(seconds) * 1000, Event::WaitOver(task));
            }
            Step::Waits(Effect::Post { url, body, seconds, .. }) => {
                let deadline = self.around.millis.get() + u64::from(seconds) * 1000;
                let way = self.chance.between(1, 200);
                let event = Event::Arrives {
                    task,
                    url,
                    body,
                    deadline,
                };
                self.after(way, event);
                let result = Err("no whole answer came in time".into());
                self.after(u64::from(seconds) * 1000, Event::Done { task, result });
            }
            Step::Waits(Effect::Books { sql, value }) => self.book(task, sql, value),
            // the counter of the day's settlements; only the backstop calls others, and there is none here
            Step::Waits(Effect::Call { call, body, .. }) => {
                let fails = call != "lease" || !self.calm && self.chance.happens(20);
                let result = if fails {
                    Err("there is no other object".into())
                } else {
                    Ok(body)
                };
                let way = self.chance.between(1, 100);
                self.after(way, Event::Done { task, result });
            }
            // nobody settles without a facilitator here
            Step::Waits(Effect::Send { .. }) => {
                let result = Err("there is no sender".into());
                self.after(0, Event::Done { task, result });
            }
            Step::Ended(result) => {
                let Some(task) = self.tasks.remove(&id) else {
                    return;
                };
                match task.who {
                    Who::Client(client) => self.replied(client, result.as_deref().ok()),
                    Who::Reader(reader) => self.reader_replied(reader, result.as_deref().ok()),
                    Who::Alarm if result.is_err() => self.after(2000, Event::AlarmAgain),
                    Who::Alarm | Who::Nobody => {}
                }
            }
        }
    }

    /// A statement for the books: refused, run without an answer, run twice, run long after its sender gave up.
    fn book(&mut self, task: Asked, sql: String, value: String) {
        let fate = if self.calm { 999 } else { self.chance.below(1000) };
        let event = |told| Event::Booked {
            task,
            sql: sql.clone(),
            value: value.clone(),
            told,
        };
        let (way, later) = (self.chance.between(1, 300), self.chance.between(1000, 90_000));
        let failed = |why: &str| Err(why.into());
        match fate {
            0..100 => {
                let result = failed("no books today");
                self.after(way, Event::Done { task, result });
            }
            100..200 => {
                self.after(way, event(false));
                let result = failed("the answer was lost");
                self.after(way + 100, Event::Done { task, result });
            }
            200..300 => {
                self.after(way + later, event(false));
                let result = failed("the books did not answer in time");
                self.after(10_000, Event::Done { task, result });
            }
            300..350 => {
                self.after(way, event(true));
                self.after(way + later, event(false));
            }
            _ => self.after(way, event(true)),
        }
    }

    /// The process ends. What was written stays, what was sent is sent.
    fn crash(&mut self) {
        self.crashes += 1;
        self.note("the object dies".into());
        self.object = None;
        self.around.woken.set(false);
        for (_, task) in std::mem::take(&mut self.tasks) {
            match task.who {
                // the gate answers for a ledger that does not
                Who::Client(client) => self.replied(client, None),
                Who::Reader(reader) => self.reader_replied(reader, None),
                // an alarm that did not end well comes again
                Who::Alarm => self.after(2000, Event::AlarmAgain),
                Who::Nobody => {}
            }
        }
    }

    /// The answer to a post, if it comes before its caller gave up.
    fn answer(&mut self, task: Asked, deadline: u64, answer: String) {
        let way = self.chance.between(1, 300);
        if self.around.millis.get() + way < deadline {
            self.after(
                way,
                Event::Done {
                    task,
                    result: Ok(answer),
                },
            );
        }
    }

    fn arrives(&mut self, task: Asked, url: &str, body: &str, deadline: u64) {
        if url.starts_with("https://rpc") {
            return self.read_chain(task, body, deadline);
        }
        if url.starts_with("https://screen") {
            return self.screens(task, deadline);
        }
        // who may pay without an answer was let through by the config
        if self.setting.screening.is_some_and(|screening| !screening.lets_through) && !self.allowed {
            self.violation = Some("B13: a payment went to a facilitator, and nobody had said that its payer may pay".into());
        }
        let authorization: usize = body.trim_matches(['{', '}']).parse().unwrap();
        if url.ends_with("/verify") {
            let valid = !self.chain.is_used(authorization) && self.now() < self.setting.authorizations[authorization].1;
            let answer = format!("200\n{{\"isValid\":{valid},\"payer\":\"0x0202020202020202020202020202020202020202\"}}");
            return self.answer(task, deadline, answer);
        }
        let mood = if self.calm {
            Mood::Deaf
        } else {
            self.setting.temper.mood(&self.chance)
        };
        self.note(format!("settle of {authorization}: {mood:?}"));
        self.shown.push(authorization);
        match mood {
            Mood::Honest if self.chain.is_used(authorization) => {
                let answer = match self.chain.paid_by(authorization) {
                    Some(hash) if self.chain.has_paid(authorization) && self.chance.happens(500) => success(&hash),
                    _ => noise(&self.chance),
                };
                self.answer(task, deadline, answer);
            }
            Mood::Honest => {
                self.chain.send(authorization, Deed::Pay);
                self.after(
                    1000,
                    Event::Settles {
                        task,
                        authorization,
                        deadline,
                    },
                );
            }
            Mood::Hasty => {
                let hash = self.chain.send(authorization, Deed::Pay);
                self.hasty.push(authorization);
                self.answer(task, deadline, success(&hash));
            }
            Mood::Mute => {
                self.chain.send(authorization, Deed::Pay);
                if self.chance.happens(500) {
                    let answer = noise(&self.chance);
                    self.answer(task, deadline, answer);
                }
            }
            Mood::Slow => {
                let later = self.chance.between(1000, 60_000);
                let deed = Deed::Pay;
                self.after(later, Event::Broadcast { authorization, deed });
            }
            Mood::Deaf => {}
            Mood::Closed => self.answer(task, deadline, closed(&self.chance)),
            Mood::Refuses => self.answer(task, deadline, refusal()),
            Mood::Lies => {
                let later = self.chance.between(0, 60_000);
                let deed = Deed::Pay;
                self.after(later, Event::Broadcast { authorization, deed });
                self.lied.push(authorization);
                let answer = if self.chance.happens(700) {
                    refusal()
                } else {
                    closed(&self.chance)
                };
                self.answer(task, deadline, answer);
            }
        }
    }

    /// The screening service: now this, now that, or nothing.
    fn screens(&mut self, task: Asked, deadline: u64) {
        let refuses = self.setting.screening.map_or(0, |screening| screening.refuses);
        let fails = !self.calm && self.chance.happens(200);
        if fails {
            let answer = (*self.chance.of(&["500\n{\"allow\":true}", "200\n", "302\n{\"allow\":true}"])).to_owned();
            if self.chance.happens(600) {
                self.answer(task, deadline, answer);
            }
            return;
        }
        let allow = !self.chance.happens(refuses);
        self.note(format!("the payer may {}pay", if allow { "" } else { "not " }));
        self.allowed |= allow;
        self.answer(task, deadline, format!("200\n{{\"allow\":{allow}}}"));
    }

    /// An honest facilitator waits for its transaction.
    fn settles(&mut self, task: Asked, authorization: usize, deadline: u64) {
        let again = Event::Settles {
            task,
            authorization,
            deadline,
        };
        match self.chain.paid_by(authorization) {
            Some(hash) if self.chain.has_paid(authorization) => self.answer(task, deadline, success(&hash)),
            // somebody was faster with something else
            Some(_) => {
                let answer = noise(&self.chance);
                self.answer(task, deadline, answer);
            }
            None if self.around.millis.get() < deadline => self.after(1000, again),
            None => {}
        }
    }

    fn read_chain(&mut self, task: Asked, question: &str, deadline: u64) {
        let (fails, lag) = match self.calm {
            true => (false, 0),
            false => (self.chance.happens(60), self.chance.below(8).saturating_sub(4)),
        };
        if fails {
            let answer = (*self.chance.of(&["500\n", "200\n{\"error\":{}}", "200\n<html>"])).to_owned();
            return self.answer(task, deadline, answer);
        }
        let lag = usize::try_from(lag).unwrap();
        let null = || "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}".to_owned();
        let mut body = self.chain.answer(question, lag).unwrap_or_else(null);
        if self.setting.broken == Some(Broken::BlindChain) && question.contains("eth_call") {
            body = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x{:064x}\"}}", 0);
        }
        self.answer(task, deadline, format!("200\n{body}"));
    }

    fn act(&mut self, client: usize) {
        let doing = std::mem::replace(&mut self.clients[client].doing, Doing::Waits);
        self.client_acts(client, doing);
    }
}
