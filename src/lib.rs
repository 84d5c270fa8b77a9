#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_code)]
#![allow(non_snake_case)] // points are upper case, scalars lower, as in the RFCs

extern crate alloc;

pub mod aead;
pub mod batch;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "hazmat")]
pub mod curve;
#[cfg(not(feature = "hazmat"))]
pub(crate) mod curve;
#[cfg(feature = "declassify")]
pub mod declassify;
#[cfg(not(feature = "declassify"))]
pub(crate) mod declassify;
pub mod dh;
pub mod encoding;
pub mod error;
pub mod ibake;
pub mod ibe;
pub mod kdf;
#[cfg(feature = "std")]
pub mod keyfile;
#[cfg(feature = "kgs")]
pub mod kgs;
pub mod mikey;
pub mod sealing;
pub mod secret;
#[cfg(all(feature = "simd", feature = "hazmat"))]
pub mod simd;
#[cfg(all(feature = "simd", not(feature = "hazmat")))]
pub(crate) mod simd;
pub mod srtp;
pub mod suite;

/// The curve backend of this build: `blst` or `portable`. Both give the same bytes.
pub const BACKEND: &str = curve::BACKEND;
