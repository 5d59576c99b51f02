//! E-mail and other notices that carry a link and nothing personal.
