//! Bulk issue by the built program, a process of its own.

#[path = "../../tests/kgs_bulk/support.rs"]
mod support;

use serde_json::Value;

use crate::postgres::Server;
use support::{World, run};

/// Jobs of each line.
const JOBS: usize = 3;

/// Prints the table: what each of the jobs took, in the order in which they ran.
pub(crate) fn table(server: Option<&Server>, quick: bool) {
    let lists: &[(usize, usize)] = if quick { &[(100, 10)] } else { &[(1_000, 10), (334, 30)] };
    println!(
        "\n| store | users x days | seconds | keys a second | work: store, s | extract, s | seals and entries, s | files, s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (users, days) in lists {
        line("SQLite", &run(World::sqlite()), *users, *days);
        if let Some(server) = server {
            line("PostgreSQL", &run(World::postgres(server)), *users, *days);
        }
    }
}

fn line(store: &str, world: &World, users: usize, days: usize) {
    let names = run(world.users("u", users));
    let done: Vec<Value> = (0..JOBS)
        .map(|i| {
            let job = world.start(&names, &format!("--count {days}"));
            let done = world.finish(&job, &format!("out{i}"));
            assert_eq!(done["issued"], users * days, "{done}");
            done
        })
        .collect();
    let column = |of: &dyn Fn(&Value) -> f64, digits: usize| {
        let each: Vec<String> = done.iter().map(|d| format!("{:.digits$}", of(d))).collect();
        each.join(", ")
    };
    let spent = |part: &'static str| column(&move |d| d["spent"][part].as_f64().unwrap(), 2);
    println!(
        "| {store} | {users} x {days} | {} | {} | {} | {} | {} | {} |",
        column(&|d| d["seconds"].as_f64().unwrap(), 2),
        column(&|d| d["keys_per_second"].as_f64().unwrap(), 0),
        spent("store"),
        spent("extract"),
        spent("seal"),
        spent("files"),
    );
}
