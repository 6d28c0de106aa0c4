//! The form of the tables: one row, one message.
//!
//! A field is `name: label Type = number`, where the label says how often it comes: `required`, `optional`, `repeated`,
//! `map` (from strings), or `default`, an optional one that has a value of its own, in brackets, where none is given.

/// Makes a struct with its codecs of every row.
#[macro_export]
macro_rules! messages {
    ($( $(#[$meta:meta])* $name:ident $(as $full:literal)? {
        $( $(#[$field_meta:meta])* $field:ident : $label:ident $type:ty = $number:literal $([$default:expr])? ),* $(,)?
    } )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "the fields are those that Mesos documents")]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $crate::label::$label::Slot<$type>, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $crate::messages!(@initial $($default)?), )* }
            }
        }

        impl $crate::Message for $name {
            const NAME: &'static str = $crate::messages!(@name $name $($full)?);

            #[allow(unused_variables, reason = "a message may have no fields")]
            fn put_fields(&self, out: &mut Vec<u8>) {
                $( $crate::label::$label::put(&self.$field, $number, out); )*
            }

            #[allow(unused_variables, reason = "a message may have no fields")]
            fn take_field(
                &mut self,
                number: u32,
                wire: $crate::WireType,
                from: &mut $crate::Reader<'_, '_>,
                seen: &mut u64,
            ) -> Result<(), $crate::Error> {
                match number {
                    $( $number => {
                        let before = *seen & (1 << $number) != 0;
                        let name = $crate::label::name(stringify!($field));
                        if $crate::label::$label::take(&mut self.$field, name, wire, from, before)? {
                            *seen |= 1 << $number;
                        }
                        Ok(())
                    } )*
                    _ => from.skip(wire),
                }
            }

            #[allow(unused_variables, reason = "a message may have no fields")]
            fn write_fields(&self, object: &mut $crate::Object<'_>) {
                $( $crate::label::$label::write(&self.$field, $crate::label::name(stringify!($field)), object); )*
            }

            #[allow(unused_variables, unused_mut, reason = "a message may have no fields")]
            fn read_fields(
                &mut self,
                object: &$crate::label::Members,
                context: &mut $crate::Context,
            ) -> Result<(), $crate::Error> {
                let mark = context.mark();
                let mut seen = 0_u64;
                $(
                    let name = $crate::label::name(stringify!($field));
                    if let Some(json) = object.get(name)
                        && $crate::label::$label::read(&mut self.$field, name, json, context)?
                    {
                        seen |= 1 << $number;
                    }
                )*
                let mut missing = Self::unseen(seen).peekable();
                if missing.peek().is_some() { context.missing(mark, missing) } else { Ok(()) }
            }

            #[allow(unused_variables, reason = "a message may have no fields")]
            fn unseen(seen: u64) -> impl Iterator<Item = &'static str> {
                let fields: &'static [(u32, bool, &'static str)] =
                    &[$( ($number, $crate::label::$label::REQUIRED, stringify!($field)) ),*];
                let unseen = move |(number, required, _): &&(u32, bool, &str)| *required && seen & (1 << number) == 0;
                fields.iter().filter(unseen).map(|(_, _, name)| $crate::label::name(name))
            }
        }

        $crate::messages!(@datum $name);
    )* };
    (@initial) => { Default::default() };
    (@initial $default:expr) => { $default };
    (@name $name:ident) => { stringify!($name) };
    (@name $name:ident $full:literal) => { $full };
    (@datum $name:ident) => {
        impl $crate::Datum for $name {
            const WIRE: $crate::WireType = $crate::WireType::Delimited;

            fn put(&self, out: &mut Vec<u8>) {
                $crate::label::put_message(self, out);
            }

            fn take(&mut self, from: &mut $crate::Reader<'_, '_>, merge: bool) -> Result<bool, $crate::Error> {
                $crate::label::take_message(self, from, merge)
            }

            fn write(&self, out: &mut String) {
                $crate::label::write_message(self, out);
            }

            fn read(
                &mut self,
                json: &$crate::label::Json,
                context: &mut $crate::Context,
                required: bool,
            ) -> Result<bool, $crate::Error> {
                $crate::label::read_message(self, json, context, required)
            }
        }
    };
}

/// Makes an enum with its names and numbers of every row. The first is what an absent one counts as.
#[macro_export]
macro_rules! enums {
    ($( $(#[$meta:meta])* $name:ident { $( $variant:ident = $number:literal $text:literal ),* $(,)? } )*) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "the values are those that Mesos documents")]
        pub enum $name { $( $variant ),* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),*];

            /// Mesos' name.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $text ),* }
            }

            /// Mesos' number.
            pub fn number(self) -> i32 {
                match self { $( Self::$variant => $number ),* }
            }

            /// The value of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $text => Some(Self::$variant), )* _ => None }
            }

            /// The value of a number.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $( $number => Some(Self::$variant), )* _ => None }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::ALL[0]
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl $crate::Datum for $name {
            const WIRE: $crate::WireType = $crate::WireType::Varint;

            fn put(&self, out: &mut Vec<u8>) {
                $crate::label::put_enum(self.number(), out);
            }

            fn take(&mut self, from: &mut $crate::Reader<'_, '_>, _: bool) -> Result<bool, $crate::Error> {
                let known = Self::from_number($crate::label::take_enum(from)?);
                *self = known.unwrap_or(*self);
                Ok(known.is_some())
            }

            fn write(&self, out: &mut String) {
                $crate::label::write_text(self.name(), out);
            }

            fn read(
                &mut self,
                json: &$crate::label::Json,
                context: &mut $crate::Context,
                required: bool,
            ) -> Result<bool, $crate::Error> {
                let known = $crate::label::read_enum(json, context, required, Self::from_name)?;
                *self = known.unwrap_or(*self);
                Ok(known.is_some())
            }
        }
    )* };
}
