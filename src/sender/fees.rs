//! What a transaction pays: the first price, the next one, and the most.

use super::Head;
use crate::offer::matching::LEAST_SECONDS_LEFT;

/// What a transaction pays for a unit of gas, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Price {
    /// `maxPriorityFeePerGas`.
    pub(super) tip: u64,
    /// `maxFeePerGas`.
    pub(super) fee: u64,
}

/// The default of the most that a unit of gas may cost on a network, in wei.
///
/// A ceiling against runaway fees and endpoints that name high ones: about ten times what a network usually asks.
/// For a settlement of 90,000 gas it makes 0.000009 ether on the rollups, 0.0018 ether on Ethereum, 0.09 of
/// Polygon's token, 0.0009 of Avalanche's, 0.00045 of BNB Smart Chain's. At most a quarter of it is a tip.
/// ```
/// assert_eq!(farthing::sender::cap(8453), 100_000_000);
/// assert_eq!(farthing::sender::cap(137), 1_000_000_000_000);
/// ```
pub const fn cap(chain_id: u64) -> u64 {
    const GWEI: u64 = 1_000_000_000;
    match chain_id {
        // rollups with ether, and their test networks: Base, Optimism, Arbitrum
        8453 | 84532 | 10 | 11_155_420 | 42161 | 421_614 => GWEI / 10,
        // Ethereum, and its test network
        1 | 11_155_111 => 20 * GWEI,
        // Polygon and its test network, whose tips alone are 25 gwei and more
        137 | 80002 => 1_000 * GWEI,
        // Avalanche and its test network
        43114 | 43113 => 10 * GWEI,
        // BNB Smart Chain and its test network
        56 | 97 => 5 * GWEI,
        // some ask for 100 gwei always (Monad), of tokens worth cents
        _ => 200 * GWEI,
    }
}

/// What is left of a window has to be two blocks at least, in seconds, for a first transaction to be sent: one
/// that lands late is reverted.
pub(super) const fn last_seconds(chain_id: u64) -> u64 {
    match chain_id {
        1 | 11_155_111 => 24,
        // a block in three seconds and less
        8453 | 84532 | 10 | 11_155_420 | 42161 | 421_614 | 137 | 80002 | 43114 | 43113 | 56 | 97 => LEAST_SECONDS_LEFT,
        _ => 12,
    }
}

/// The most gas that a settlement may use on a network: a token's transfer uses less than half of it, but where
/// the data's price is counted in gas (Arbitrum).
/// ```
/// assert_eq!(farthing::sender::max_gas(8453), 200_000);
/// ```
pub const fn max_gas(chain_id: u64) -> u64 {
    match chain_id {
        42161 | 42170 | 421_614 => 1_000_000,
        _ => 200_000,
    }
}

impl Price {
    /// The first price of a transaction: room for the base fee to double, which takes it six full blocks
    /// (EIP-1559: 12.5 % each); none if not even the present base fee fits under the cap.
    pub(super) fn first(head: &Head, cap: u64) -> Option<Self> {
        let least = head.base_fee.saturating_add(head.tip_fee);
        let fee = head.base_fee.saturating_mul(2).saturating_add(head.tip_fee).min(cap);
        (least <= cap).then_some(Self {
            tip: head.tip_fee.min(fee),
            fee,
        })
    }

    /// The price of the transaction that takes this one's place: at least 12.5 % more for both, as every
    /// kind of node asks (geth 10 %, others 12.5 %); none over the cap, and none that could not land either.
    pub(super) fn after(self, head: &Head, cap: u64) -> Option<Self> {
        let more = |price: u64| price.saturating_add(price.div_ceil(8)).saturating_add(u64::from(price == 0));
        let fresh = head.base_fee.saturating_mul(2).saturating_add(head.tip_fee).min(cap);
        let fee = more(self.fee).max(fresh);
        let tip = more(self.tip).max(head.tip_fee.min(fee));
        // a tip over the fee is no price
        let fee = fee.max(tip);
        (fee <= cap && fee >= head.base_fee).then_some(Self { tip, fee })
    }

    /// What so much gas costs at most, in wei.
    pub(super) fn cost(self, gas: u64) -> u128 {
        u128::from(self.fee).saturating_mul(gas.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn head(base_fee: u64, tip_fee: u64) -> Head {
        Head {
            number: 1,
            time: 1,
            base_fee,
            tip_fee,
            mined: 0,
            pooled: 0,
            balance: 0,
        }
    }

    #[test]
    fn a_price_has_room_for_the_base_fee_to_double() {
        assert_eq!(Price::first(&head(100, 7), 1_000), Some(Price { tip: 7, fee: 207 }));
        assert_eq!(Price::first(&head(100, 7), 150), Some(Price { tip: 7, fee: 150 }));
        assert_eq!(Price::first(&head(100, 7), 107), Some(Price { tip: 7, fee: 107 }));
        assert_eq!(Price::first(&head(100, 7), 106), None);
        assert_eq!(Price::first(&head(0, 0), 1), Some(Price { tip: 0, fee: 0 }));
    }

    #[test]
    fn a_replacement_follows_a_fee_that_has_risen() {
        let before = Price { tip: 7, fee: 207 };
        assert_eq!(before.after(&head(100, 7), 1_000), Some(Price { tip: 8, fee: 233 }));
        assert_eq!(before.after(&head(400, 50), 1_000), Some(Price { tip: 50, fee: 850 }));
        assert_eq!(before.after(&head(100, 7), 232), None);
        assert_eq!(before.after(&head(1_001, 7), 1_000), None);
        assert_eq!(Price { tip: 0, fee: 0 }.after(&head(0, 0), 1), Some(Price { tip: 1, fee: 1 }));
    }

    proptest! {
        #[test]
        fn every_replacement_pays_an_eighth_more_for_both_and_none_is_over_the_cap(
            base in 0..1_u64 << 40, tip in 0..1_u64 << 40, fee in 0..1_u64 << 41, paid in 0..1_u64 << 41, cap in 0..1_u64 << 42,
        ) {
            let before = Price { tip: paid.min(fee), fee };
            if let Some(price) = before.after(&head(base, tip), cap) {
                prop_assert!(price.fee <= cap && price.tip <= price.fee && price.fee >= base);
                prop_assert!(price.fee * 8 >= before.fee * 9 && price.tip * 8 >= before.tip * 9);
                prop_assert!(price.fee > before.fee && price.tip > before.tip);
            }
            if let Some(price) = Price::first(&head(base, tip), cap) {
                prop_assert!(price.fee <= cap && price.tip <= price.fee && price.fee >= base + price.tip);
            }
        }
    }
}
