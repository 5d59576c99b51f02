//! The proxy on real sockets, between real clients and stand-in origins.

mod faults;
mod hidden;
mod http;
mod http2;
mod identity;
mod pages;
mod strict;
mod support;
mod text;
mod tls;
mod transparent;
mod tunnel;
