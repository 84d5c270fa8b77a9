//! All that a decision goes by, in one statement: one round trip, and one state of the database.

use super::Store;
use super::row::Row;
use super::tables::{self, User};
use crate::ibe::Name;
use crate::kgs::server::error::Error;
use crate::kgs::server::keys::Vault;
use crate::kgs::server::policy::Rule;

/// What the settings say about a requester and a name.
pub(in crate::kgs::server) struct View {
    /// The version of the settings.
    pub(in crate::kgs::server) version: u64,
    pub(in crate::kgs::server) user: Option<User>,
    pub(in crate::kgs::server) rules: Vec<Rule>,
    /// From when on the name is revoked.
    pub(in crate::kgs::server) revoked: Option<u64>,
}

/// Kind of row, a text, three numbers, and the tag.
const VIEW: &str = "SELECT CAST(0 AS BIGINT), '', version, CAST(0 AS BIGINT), CAST(0 AS BIGINT), hash FROM head WHERE id = 1 \
    UNION ALL SELECT 1, name, disabled, created, 0, tag FROM users WHERE name = $1 \
    UNION ALL SELECT 2, pattern, purposes, ahead, quota, tag FROM rules WHERE owner = $1 \
    UNION ALL SELECT 3, name, since, 0, 0, tag FROM revocations WHERE name = $2 \
    ORDER BY 1, 2";

/// The row as its own table would give it: the text, so many of the numbers, the tag.
fn narrow(mut row: Row, numbers: usize) -> Row {
    let mut columns = std::mem::take(&mut row.columns);
    columns.drain(2 + numbers..5.min(columns.len()));
    columns.remove(0);
    Row { columns }
}

impl Store {
    /// The version of the settings, a user, their rules, and whether a name is revoked.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Corrupt`], [`Error::Empty`].
    pub(in crate::kgs::server) async fn view(&self, vault: &Vault, user: &str, name: &Name) -> Result<View, Error> {
        let (mut version, mut found, mut rules, mut revoked) = (None, None, Vec::new(), None);
        for row in self.db.fetch(VIEW, vec![user.into(), name.as_str().into()]).await? {
            match row.u64("head", 0)? {
                0 => version = Some(row.u64("head", 2)?),
                1 => found = Some(tables::user(&narrow(row, 2), vault)?),
                2 => rules.push(tables::rule(user, &narrow(row, 3), vault)?),
                _ => revoked = Some(tables::revocation(&narrow(row, 1), vault)?.since),
            }
        }
        Ok(View { version: version.ok_or(Error::Empty)?, user: found, rules, revoked })
    }
}
