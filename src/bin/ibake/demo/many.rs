//! What batches gain, on the machine of whoever watches.

use std::fmt::Display;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use ibake::batch::{self, Options};
use ibake::ibe::extract::{MasterKey, PrivateKey};
use ibake::ibe::{Description, District, Granularity, Name, Purpose};

use super::Stage;
use crate::when;

const USERS: usize = 256;

/// In this process, so that nothing but the arithmetic is timed.
pub(super) fn run(stage: &mut Stage<'_>) {
    stage.step("many", "A KGS issues keys to 256 users: one after the other, then all at once.", |_| {
        let text = |e: &dyn Display| e.to_string();
        let rng = &mut SysRng;
        let district = District::parse("https://kgs-c.example").map_err(|e| text(&e))?;
        let (not_before, not_after, granularity) = (0, u64::from(u32::MAX), Granularity::Day);
        let description = Description { district, serial: 1, not_before, not_after, granularity, pkg_uri: None };
        let master = MasterKey::generate(rng).map_err(|e| text(&e))?;
        let parameters = master.public_parameters(description).map_err(|e| text(&e))?;
        let issuer = master.issuer(parameters).map_err(|e| text(&e))?;
        let identity = |i| {
            let name = Name::parse(&format!("sip:user{i}@c.example"))?;
            issuer.parameters().identity(name, Purpose::Decrypt, when::now())
        };
        let identities = (0..USERS).map(identity).collect::<Result<Vec<_>, _>>().map_err(|e| text(&e))?;
        let begun = Instant::now();
        let singly: Vec<_> = identities.iter().map(|id| issuer.extract(id)).collect();
        let one_by_one = begun.elapsed();
        let items: Vec<_> = identities.iter().map(|id| (&issuer, id)).collect();
        let begun = Instant::now();
        let batch = batch::extract(&items, &Options::default(), rng).map_err(|e| text(&e))?;
        let at_once = begun.elapsed();
        let same = |(a, b): (&Result<PrivateKey, _>, &Result<PrivateKey, _>)| match (a, b) {
            (Ok(a), Ok(b)) => a.to_bytes().expose() == b.to_bytes().expose(),
            _ => false,
        };
        if !singly.iter().zip(&batch).all(same) {
            return Err("the keys differ".into());
        }
        let times = one_by_one.as_secs_f64() / at_once.as_secs_f64();
        let ms = |t: Duration| 1000.0 * t.as_secs_f64();
        Ok(format!(
            "the same keys: {:.1} ms one by one, {:.1} ms in a batch ({}), {times:.1} times as fast",
            ms(one_by_one),
            ms(at_once),
            batch::engine()
        ))
    });
}
