//! The list of users for `ibake kgs issue --from`: `NAME[,TIME[,N]]`, one a line, as CSV of RFC 4180 without line
//! breaks inside fields.

use std::path::Path;

use ibake::ibe::{Name, suggest};
use ibake::kgs::bulk::{ORDER_LIMIT, Order};

use crate::error::{Failure, Kind};
use crate::files;
use crate::when;

/// Largest list that is read.
const LIST_LIMIT: u64 = 256 << 20;

/// A line that does not serve.
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) why: String,
}

/// The orders with their line numbers from 1, and the lines that are none.
pub(super) struct List {
    pub(super) orders: Vec<Order>,
    pub(super) lines: Vec<usize>,
    pub(super) wrong: Vec<Wrong>,
}

/// Reads a list. What a line leaves out is `at` and `count`.
pub(super) fn read(path: &Path, at: u64, count: usize) -> Result<List, Failure> {
    let bytes = files::read_limited(path, LIST_LIMIT)?;
    let not_text = || Failure::new(Kind::Input, "list", format!("{}: not UTF-8", path.display()));
    let list = parse(std::str::from_utf8(&bytes).map_err(|_| not_text())?, at, count);
    if list.orders.len() > ORDER_LIMIT {
        let text = format!("{}: {} users, the limit is {ORDER_LIMIT}", path.display(), list.orders.len());
        return Err(Failure::new(Kind::Input, "list", text).hint("Split the list; one directory can take all parts."));
    }
    Ok(list)
}

fn parse(text: &str, at: u64, count: usize) -> List {
    let mut list = List { orders: Vec::new(), lines: Vec::new(), wrong: Vec::new() };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, content) in (1..).zip(text.lines()) {
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        match fields(content).and_then(|f| order(&f, at, count)) {
            Ok(order) => {
                list.orders.push(order);
                list.lines.push(line);
            }
            Err(why) => list.wrong.push(Wrong { line, why }),
        }
    }
    list
}

fn order(fields: &[String], at: u64, count: usize) -> Result<Order, String> {
    let [name, rest @ ..] = fields else { return Err("the line is empty".into()) };
    if rest.len() > 2 {
        return Err(format!("{} fields, there are at most NAME,TIME,N", fields.len()));
    }
    let given = |i: usize| rest.get(i).map(|f| f.trim()).filter(|f| !f.is_empty());
    let at = given(0).map_or(Ok(at), |time| when::parse(time).map_err(|why| format!("{time:?}: {why}")))?;
    let number = |n: &str| n.parse().map_err(|_| format!("{n:?} is no number of periods"));
    let count = given(1).map_or(Ok(count), number)?;
    let name = name.trim();
    let parsed = Name::parse(name).map_err(|e| match suggest(name) {
        Some(meant) => format!("{name:?}: {e}; perhaps {meant} is meant"),
        None => format!("{name:?}: {e}"),
    })?;
    Ok(Order { name: parsed, at, count })
}

/// Splits a line at its commas; a field in double quotes may contain some, and doubled quotes.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut out = vec![String::new()];
    let mut rest = line;
    loop {
        let field = out.last_mut().ok_or("no field")?;
        let after;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut inside = quoted;
            loop {
                let (part, behind) = inside.split_once('"').ok_or("a quoted field does not end")?;
                field.push_str(part);
                match behind.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        inside = more;
                    }
                    None => {
                        after = behind;
                        break;
                    }
                }
            }
        } else {
            let (part, _) = rest.split_once(',').unwrap_or((rest, ""));
            if part.contains('"') {
                return Err("a quote inside a field that does not begin with one".into());
            }
            field.push_str(part);
            after = rest.get(part.len()..).unwrap_or("");
        }
        if after.trim().is_empty() {
            return Ok(out);
        }
        rest = after.strip_prefix(',').ok_or("text behind a quoted field")?;
        out.push(String::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_orders_or_named() {
        let text = "\u{feff}# subscribers\r\nsip:alice@a.example\r\n\nbob@a.example,2026-12-01,31\n\"sip:x,y@a.example\",,7\n\
                    Sip:carol@a.example\ndave@a.example,tomorrow\nerin@a.example,,many\na@b.example,,,\n\"open\n \
                    frank@a.example , 1795219200 , 2 \n\"a\"b\na\"b\nname\n";
        let list = parse(text, 5, 3);
        let orders: Vec<_> = list.orders.iter().map(|o| (o.name.as_str(), o.at, o.count)).collect();
        let day = 1_796_083_200;
        assert_eq!(
            orders,
            [
                ("sip:alice@a.example", 5, 3),
                ("bob@a.example", day, 31),
                ("sip:x,y@a.example", 5, 7),
                ("frank@a.example", 1_795_219_200, 2)
            ]
        );
        assert_eq!(list.lines, [2, 4, 5, 11]);
        let wrong: Vec<_> = list.wrong.iter().map(|w| w.line).collect();
        assert_eq!(wrong, [6, 7, 8, 9, 10, 12, 13, 14]);
        assert!(list.wrong[0].why.contains("perhaps sip:carol@a.example"), "{}", list.wrong[0].why);
    }

    #[test]
    fn quotes_follow_rfc_4180() {
        let split = |s: &str| fields(s).map(|f| f.join("|"));
        assert_eq!(split("a,b,c").as_deref(), Ok("a|b|c"));
        assert_eq!(split("\"a,\"\"b\"\"\",c").as_deref(), Ok("a,\"b\"|c"));
        assert_eq!(split("\"\",x").as_deref(), Ok("|x"));
        assert_eq!(split("a,,").as_deref(), Ok("a||"));
        assert!(split("\"a").is_err() && split("\"a\" b,c").is_err());
    }
}
