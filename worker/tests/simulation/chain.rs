//! A chain with one token: blocks every two seconds, a pool of transactions, blocks that are undone, and nodes that lag or fail.

use alloy_primitives::keccak256;
use farthing::evm::{Address, hex};
use serde_json::{Value, json};

use super::chance::Chance;

/// Unix seconds of block 0.
pub(crate) const GENESIS: u64 = 1_800_000_000;
pub(crate) const BLOCK_SECONDS: u64 = 2;

pub(crate) const TOKEN: Address = Address::repeat_byte(1);
pub(crate) const PAYER: Address = Address::repeat_byte(2);
pub(crate) const PAYEE: Address = Address::repeat_byte(3);
pub(crate) const PRICE: u64 = 50_000;

/// What a transaction does with an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Pay,
    Cancel,
}

#[derive(Clone, Copy, Debug)]
struct Transaction {
    authorization: usize,
    deed: Deed,
    /// Tells two transactions for one authorization apart.
    serial: u64,
}

impl Transaction {
    fn hash(&self) -> String {
        format!("0x{:032x}{:032x}", self.authorization, self.serial)
    }
}

#[derive(Debug)]
struct Block {
    /// Another one under the same number has another.
    serial: u64,
    time: u64,
    transactions: Vec<Transaction>,
}

#[derive(Debug)]
pub(crate) struct Chain {
    chance: Chance,
    blocks: Vec<Block>,
    pool: Vec<Transaction>,
    serial: u64,
    /// Authorizations that a block which is gone had paid.
    pub(crate) undone: Vec<usize>,
}

pub(crate) fn nonce(authorization: usize) -> [u8; 32] {
    let mut nonce = [7; 32];
    nonce[31] = u8::try_from(authorization).unwrap();
    nonce
}

fn topic(text: &str) -> String {
    hex::print(keccak256(text.as_bytes()).as_slice())
}

fn word(address: Address) -> String {
    hex::print(address.into_word().as_slice())
}

impl Chain {
    pub(crate) fn new(chance: Chance) -> Self {
        let first = |number: u64| Block {
            serial: number,
            time: GENESIS - 100 + number * BLOCK_SECONDS,
            transactions: Vec::new(),
        };
        Self {
            chance,
            blocks: (0..50).map(first).collect(),
            pool: Vec::new(),
            serial: 0,
            undone: Vec::new(),
        }
    }

    fn uses(&self, authorization: usize, blocks: usize) -> Option<(usize, Transaction)> {
        let all = self.blocks[..blocks].iter().enumerate();
        let mut found = all.flat_map(|(number, block)| block.transactions.iter().map(move |one| (number, *one)));
        found.find(|(_, one)| one.authorization == authorization)
    }

    /// Whether the money has moved.
    pub(crate) fn has_paid(&self, authorization: usize) -> bool {
        let used = self.uses(authorization, self.blocks.len());
        used.is_some_and(|(_, transaction)| transaction.deed == Deed::Pay)
    }

    /// Whether the nonce is used.
    pub(crate) fn is_used(&self, authorization: usize) -> bool {
        self.uses(authorization, self.blocks.len()).is_some()
    }

    /// Sends a transaction into the pool.
    pub(crate) fn send(&mut self, authorization: usize, deed: Deed) -> String {
        self.serial += 1;
        let transaction = Transaction {
            authorization,
            deed,
            serial: self.serial,
        };
        self.pool.push(transaction);
        transaction.hash()
    }

    /// The transaction that paid.
    pub(crate) fn paid_by(&self, authorization: usize) -> Option<String> {
        self.uses(authorization, self.blocks.len()).map(|(_, one)| one.hash())
    }

    /// The next block, at this time; `valid_before` is the end of an authorization's window.
    pub(crate) fn mine(&mut self, now: u64, valid_before: impl Fn(usize) -> u64) {
        self.serial += 1;
        let mut block = Block {
            serial: 1000 + self.serial,
            time: now,
            transactions: Vec::new(),
        };
        for transaction in std::mem::take(&mut self.pool) {
            let used = self.is_used(transaction.authorization)
                || block
                    .transactions
                    .iter()
                    .any(|other| other.authorization == transaction.authorization);
            let late = transaction.deed == Deed::Pay && now >= valid_before(transaction.authorization);
            match self.chance.below(10) {
                // it reverts, and leaves nothing behind
                _ if used || late => {}
                0 => self.pool.push(transaction),
                _ => block.transactions.push(transaction),
            }
        }
        self.blocks.push(block);
    }

    /// The newest blocks are gone; what was in them waits again, or is forgotten.
    pub(crate) fn undo(&mut self, depth: u64) {
        for _ in 0..depth {
            let block = self.blocks.pop().unwrap();
            for transaction in block.transactions {
                if transaction.deed == Deed::Pay {
                    self.undone.push(transaction.authorization);
                }
                if self.chance.happens(700) {
                    self.pool.push(transaction);
                }
            }
        }
    }

    /// Nothing that waits will ever land.
    pub(crate) fn forget_pool(&mut self) {
        self.pool.clear();
    }

    /// An endpoint's answer; `lag` is how many blocks it is behind.
    pub(crate) fn answer(&self, question: &str, lag: usize) -> Option<String> {
        let question: Value = serde_json::from_str(question).unwrap();
        let params = &question["params"];
        let head = self.blocks.len().saturating_sub(lag).max(1);
        let number = |value: &Value| {
            let text = value.as_str().unwrap();
            match text {
                "latest" => head - 1,
                _ => usize::from_str_radix(text.trim_start_matches("0x"), 16).unwrap(),
            }
        };
        let result = match question["method"].as_str().unwrap() {
            "eth_getBlockByNumber" => {
                let number = number(&params[0]);
                let block = self.blocks.get(number).filter(|_| number < head);
                block.map(|block| json!({"number": format!("0x{number:x}"), "hash": format!("0x{:064x}", block.serial), "timestamp": format!("0x{:x}", block.time)}))
            }
            "eth_call" => {
                let data = params[0]["data"].as_str().unwrap();
                let authorization = usize::from_str_radix(&data[data.len() - 2..], 16).unwrap();
                let at = number(&params[1]);
                (at < head).then(|| json!(format!("0x{:064x}", u8::from(self.uses(authorization, at + 1).is_some()))))
            }
            "eth_getLogs" => {
                let filter = &params[0];
                let authorization = filter["topics"][2].as_str().unwrap();
                let authorization = usize::from_str_radix(&authorization[authorization.len() - 2..], 16).unwrap();
                let range = number(&filter["fromBlock"])..=number(&filter["toBlock"]);
                let found = self.uses(authorization, head).filter(|(number, _)| range.contains(number));
                let logs: Vec<Value> = found.iter().map(|(_, one)| self.log_of_use(one)).collect();
                Some(json!(logs))
            }
            "eth_getTransactionReceipt" => {
                let hash = params[0].as_str().unwrap();
                let blocks = self.blocks[..head].iter().enumerate();
                let mut all = blocks.flat_map(|(number, block)| block.transactions.iter().map(move |one| (number, one)));
                let found = all.find(|(_, one)| one.hash() == hash);
                found.map(|(number, one)| {
                    let mut logs = vec![self.log_of_use(one)];
                    if one.deed == Deed::Pay {
                        logs.push(json!({
                            "address": hex::print(TOKEN.as_slice()), "logIndex": "0x5", "data": format!("0x{PRICE:064x}"),
                            "topics": [topic("Transfer(address,address,uint256)"), word(PAYER), word(PAYEE)],
                        }));
                    }
                    json!({"blockNumber": format!("0x{number:x}"), "status": "0x1", "logs": logs})
                })
            }
            other => panic!("{other} is asked"),
        }?;
        Some(json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string())
    }

    fn log_of_use(&self, transaction: &Transaction) -> Value {
        let kind = match transaction.deed {
            Deed::Pay => "AuthorizationUsed(address,bytes32)",
            Deed::Cancel => "AuthorizationCanceled(address,bytes32)",
        };
        json!({
            "address": hex::print(TOKEN.as_slice()), "logIndex": "0x4", "data": "0x", "transactionHash": transaction.hash(),
            "topics": [topic(kind), word(PAYER), hex::print(&nonce(transaction.authorization))],
        })
    }
}
