//! Values and rows.

use zeroize::Zeroize;

use crate::kgs::server::error::Error;

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// 64 bits.
    Int(i64),
    /// UTF-8.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Self::Int(v)
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Text(v.into())
    }
}

impl From<&[u8]> for Value {
    fn from(v: &[u8]) -> Self {
        Self::Bytes(v.into())
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(v: &[u8; N]) -> Self {
        Self::Bytes(v.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(v: Vec<u8>) -> Self {
        Self::Bytes(v)
    }
}

/// A number that is not negative and fits the 63 bits of a column.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn int(v: u64) -> Result<Value, Error> {
    i64::try_from(v).map(Value::Int).map_err(|_| Error::TooLarge)
}

/// One row. Reading a column as what it is not gives [`Error::Corrupt`] with the name of the table.
#[derive(Debug)]
pub struct Row {
    /// The columns in the order of the statement; a type that nobody stores is [`None`].
    pub columns: Vec<Option<Value>>,
}

impl Row {
    fn get(&self, table: &'static str, i: usize) -> Result<&Value, Error> {
        self.columns.get(i).and_then(Option::as_ref).ok_or(Error::Corrupt { table })
    }

    /// Column `i` as a number.
    ///
    /// # Errors
    /// [`Error::Corrupt`], also if it is negative.
    pub fn u64(&self, table: &'static str, i: usize) -> Result<u64, Error> {
        match self.get(table, i)? {
            Value::Int(v) => u64::try_from(*v).map_err(|_| Error::Corrupt { table }),
            _ => Err(Error::Corrupt { table }),
        }
    }

    /// Column `i` as text.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn text(&self, table: &'static str, i: usize) -> Result<&str, Error> {
        match self.get(table, i)? {
            Value::Text(v) => Ok(v),
            _ => Err(Error::Corrupt { table }),
        }
    }

    /// Column `i` as bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn bytes(&self, table: &'static str, i: usize) -> Result<&[u8], Error> {
        match self.get(table, i)? {
            Value::Bytes(v) => Ok(v),
            _ => Err(Error::Corrupt { table }),
        }
    }

    /// Column `i` as exactly `N` bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`].
    pub fn array<const N: usize>(&self, table: &'static str, i: usize) -> Result<[u8; N], Error> {
        self.bytes(table, i)?.try_into().map_err(|_| Error::Corrupt { table })
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        for column in &mut self.columns {
            if let Some(Value::Bytes(bytes)) = column {
                bytes.zeroize();
            }
        }
    }
}
