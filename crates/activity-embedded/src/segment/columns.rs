//! The columns of a segment.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Every column, in file order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Person,
    At,
    Number,
    Device,
    Group,
    Address,
    Face,
    Host,
    Path,
    Action,
    Rule,
    Categories,
    Search,
    Sealed,
    Source,
    Confidence,
    Unknown,
    PolicyVersion,
    CatalogueVersion,
    BytesUp,
    BytesDown,
}

impl Column {
    pub(crate) const ALL: [Column; 21] = [
        Column::Person,
        Column::At,
        Column::Number,
        Column::Device,
        Column::Group,
        Column::Address,
        Column::Face,
        Column::Host,
        Column::Path,
        Column::Action,
        Column::Rule,
        Column::Categories,
        Column::Search,
        Column::Sealed,
        Column::Source,
        Column::Confidence,
        Column::Unknown,
        Column::PolicyVersion,
        Column::CatalogueVersion,
        Column::BytesUp,
        Column::BytesDown,
    ];

    /// The name in the file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Column::Person => "person",
            Column::At => "at",
            Column::Number => "number",
            Column::Device => "device",
            Column::Group => "group",
            Column::Address => "address",
            Column::Face => "face",
            Column::Host => "host",
            Column::Path => "path",
            Column::Action => "action",
            Column::Rule => "rule",
            Column::Categories => "categories",
            Column::Search => "search",
            Column::Sealed => "sealed",
            Column::Source => "source",
            Column::Confidence => "confidence",
            Column::Unknown => "unknown",
            Column::PolicyVersion => "policy_version",
            Column::CatalogueVersion => "catalogue_version",
            Column::BytesUp => "bytes_up",
            Column::BytesDown => "bytes_down",
        }
    }

    /// Where it stands in the file.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    fn field(self) -> Field {
        let words = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        match self {
            Column::At => Field::new(
                self.name(),
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
                false,
            ),
            Column::Number
            | Column::PolicyVersion
            | Column::CatalogueVersion
            | Column::BytesUp
            | Column::BytesDown => Field::new(self.name(), DataType::Int64, false),
            Column::Path | Column::Search => Field::new(self.name(), DataType::Utf8, true),
            Column::Address
            | Column::Face
            | Column::Host
            | Column::Action
            | Column::Rule
            | Column::Categories => Field::new(self.name(), words(), false),
            _ => Field::new(self.name(), words(), true),
        }
    }
}

/// The schema of every segment.
pub(crate) static SCHEMA: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(Column::ALL.map(Column::field).to_vec())));
