//! The proxy on real sockets, between real clients and stand-in origins.

mod faults;
mod http;
mod identity;
mod pages;
mod strict;
mod support;
mod text;
mod tls;
