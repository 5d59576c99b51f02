//! Filtering HTTP and HTTPS proxy.
