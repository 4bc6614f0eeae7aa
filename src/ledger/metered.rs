//! What was used of a metered payment (`upto`), as the origin says in `Settlement-Overrides`.

use super::Intent;
use crate::{
    evm::U256,
    json,
    money::{Amount, Price},
    problem::Problem,
};

impl Intent {
    /// What is charged of a metered payment; none where it is not metered. Without the header it is the
    /// whole amount, as the reference servers have it.
    ///
    /// The header is raw JSON, `{"amount": …}` with one of three texts (`@x402/core` 2.27,
    /// `resolveSettlementOverrideAmount`): atomic units, a percentage with at most two decimals,
    /// rounded down, or a dollar price.
    pub fn charge(&self, overrides: Option<&str>) -> Result<Option<Amount>, Problem> {
        let Some(decimals) = self.metered else {
            return Ok(None);
        };
        let Some(header) = overrides else {
            return Ok(Some(self.amount));
        };
        let json = json::parse(header).map_err(|_| Problem::ChargeInvalid)?;
        json.members().ok_or(Problem::ChargeInvalid)?;
        let charge = match json.get("amount").map(|amount| amount.text()) {
            None => Some(self.amount),
            Some(text) => text.and_then(|text| read(text, self.amount, decimals)),
        };
        charge
            .filter(|charge| *charge <= self.amount)
            .map(Some)
            .ok_or(Problem::ChargeInvalid)
    }
}

fn read(text: &str, most: Amount, decimals: u8) -> Option<Amount> {
    if let Some(percent) = text.strip_suffix('%') {
        let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || fraction.len() > 2 || !digits(whole) || !digits(fraction) {
            return None;
        }
        let mut hundredths: u64 = whole.parse().ok()?;
        for place in 0..2 {
            let digit = fraction.as_bytes().get(place).map_or(0, |digit| digit.saturating_sub(b'0'));
            hundredths = hundredths.checked_mul(10)?.checked_add(digit.into())?;
        }
        let share = most.atomic().checked_mul(U256::from(hundredths))?;
        return share.checked_div(U256::from(10_000)).map(Amount::from_atomic);
    }
    if text.starts_with('$') {
        // a price of nothing is not a price, but here it is a word for "nothing was used"
        let zero = text.len() > 1 && text.bytes().skip(1).all(|b| b == b'0' || b == b'.');
        let price = || text.parse::<Price>().ok()?.in_units_of(decimals).ok();
        return if zero { Some(Amount::ZERO) } else { price() };
    }
    text.parse().ok()
}
