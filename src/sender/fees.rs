//! What a transaction pays: the first price, the next one, and the most.

use super::Head;

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
/// A ceiling against runaway fees, a hundred times what these networks usually ask, or less where gas is
/// dear: gas of a cheap chain at this price still costs less than a cent or two. Polygon's tips alone are
/// 25 gwei and more, in a token worth less than a dollar.
/// ```
/// assert_eq!(farthing::sender::cap(8453), 5_000_000_000);
/// assert_eq!(farthing::sender::cap(137), 2_000_000_000_000);
/// ```
pub const fn cap(chain_id: u64) -> u64 {
    const GWEI: u64 = 1_000_000_000;
    match chain_id {
        // Base, Arbitrum and their test networks
        8453 | 84532 | 42161 | 421_614 => 5 * GWEI,
        // Ethereum: at this price a settlement costs some dollars
        1 => 20 * GWEI,
        // Polygon and its test network
        137 | 80002 => 2_000 * GWEI,
        _ => 200 * GWEI,
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
