//! PostgreSQL: a pool of connections. Nodes hold no state of their own; the row `head` is what they meet at.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};

use super::driver::failed;
use super::migrate;
use super::{Database, Dialect, Pending, Pools, Row, Value};
use crate::kgs::server::error::Error;

driver!(sqlx::Postgres, PgConnection, "INT8", "TEXT", "BYTEA");

/// Key of the advisory lock under which tables are defined: "ibake kg".
const LOCK: i64 = 0x6962_616b_6520_6b67;

/// A database on a server.
#[derive(Debug)]
pub(super) struct Postgres {
    pool: PgPool,
}

impl Postgres {
    pub(super) async fn open(url: &str, pools: Pools) -> Result<Self, Error> {
        let options = options(url)?;
        let pool =
            PgPoolOptions::new().max_connections(pools.postgres_connections).acquire_timeout(pools.postgres_wait);
        Ok(Self { pool: pool.connect_with(options).await.map_err(failed)? })
    }
}

/// Across a network the connection is encrypted and the server's name is checked, unless the address or `PGSSLMODE` says otherwise:
/// the default of PostgreSQL would go on in clear where TLS is not offered.
fn options(url: &str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url).map_err(|_| Error::Address)?.application_name("ibake kgs");
    let host = options.get_host();
    let local = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|a| a.is_loopback());
    let said = url.contains("sslmode=") || url.contains("ssl-mode=") || std::env::var_os("PGSSLMODE").is_some();
    Ok(if local || said { options } else { options.ssl_mode(PgSslMode::VerifyFull) })
}

impl Database for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn fetch<'a>(&'a self, sql: &'static str, values: Vec<Value>) -> Pending<'a, Vec<Row>> {
        Box::pin(async move {
            Ok(bind(sql, values).fetch_all(&self.pool).await.map_err(failed)?.iter().map(read).collect())
        })
    }

    fn begin<'a>(&'a self) -> Pending<'a, Box<dyn super::Transaction>> {
        Box::pin(async move {
            let open = Open::begin(&self.pool, "BEGIN").await?;
            Ok(Box::new(open) as Box<dyn super::Transaction>)
        })
    }

    fn define<'a>(&'a self, steps: &'static [&'static str], known: i64) -> Pending<'a, ()> {
        Box::pin(async move {
            let mut open = Open::begin(&self.pool, "BEGIN").await?;
            // Several nodes may start at once. Held until the transaction ends.
            bind("SELECT pg_advisory_xact_lock($1)", vec![Value::Int(LOCK)])
                .execute(&mut *open.connection)
                .await
                .map_err(failed)?;
            migrate::run!(&mut *open.connection, steps, known);
            open.finish().await
        })
    }

    fn close<'a>(&'a self) -> Pending<'a, ()> {
        Box::pin(async move {
            self.pool.close().await;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_across_a_network_are_encrypted() {
        let mode = |url: &str| format!("{:?}", options(url).map(|o| o.get_ssl_mode()).ok());
        for (url, expected) in [
            ("postgres://kgs@db.example/kgs", PgSslMode::VerifyFull),
            ("postgres://kgs@192.0.2.1/kgs", PgSslMode::VerifyFull),
            ("postgres://kgs@db.example/kgs?sslmode=verify-ca", PgSslMode::VerifyCa),
            ("postgres://kgs@127.0.0.1/kgs", PgSslMode::Prefer),
            ("postgres://kgs@localhost/kgs", PgSslMode::Prefer),
        ] {
            assert_eq!(mode(url), format!("{:?}", Some(expected)), "{url}");
        }
        assert_eq!(options("postgres://[").map(drop), Err(Error::Address));
    }
}
