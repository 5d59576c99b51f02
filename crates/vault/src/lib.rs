//! Seals notes, attachments and contacts; holds the keys.
