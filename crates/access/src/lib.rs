//! Need-to-know rules; a permission is a value.
