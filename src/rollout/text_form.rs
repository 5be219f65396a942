//! Values whose JSON form is a text: what they are written as, `FromStr` reads.

/// Implements serde's traits for a type by its text: that of `Display`, or of another function.
macro_rules! serde_as_text {
    ($type:ty) => {
        $crate::rollout::text_form::serde_as_text!($type, ToString::to_string);
    };
    ($type:ty, $write:expr) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$write(self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_as_text;
