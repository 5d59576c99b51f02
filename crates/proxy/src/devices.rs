//! How each kind of device is told to trust the school's certificate: data for the pages.

/// The steps for one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceSteps {
    /// The platform, as people call it.
    pub platform: &'static str,
    /// A word for links: `windows`.
    pub key: &'static str,
    /// The file to use: `ca.crt` (DER) or `ca.pem` (text).
    pub file: &'static str,
    /// What to do, in order.
    pub steps: &'static [&'static str],
    /// How the network team does it for all devices at once.
    pub managed: &'static str,
}

const STEPS: [DeviceSteps; 7] = [
    DeviceSteps {
        platform: "Windows",
        key: "windows",
        file: "ca.crt",
        steps: &[
            "Open the file and choose Install Certificate.",
            "Choose Local Machine, then Place all certificates in the following store.",
            "Choose Trusted Root Certification Authorities and finish.",
        ],
        managed: "Group Policy: Computer Configuration, Windows Settings, Security Settings, Public Key Policies, Trusted Root Certification Authorities. Intune: a trusted certificate profile.",
    },
    DeviceSteps {
        platform: "Mac",
        key: "mac",
        file: "ca.crt",
        steps: &[
            "Open the file; Keychain Access adds it to the System keychain.",
            "Open it there, unfold Trust and choose Always Trust for SSL.",
        ],
        managed: "A configuration profile with a certificate payload, from your device management.",
    },
    DeviceSteps {
        platform: "iPad and iPhone",
        key: "ios",
        file: "ca.crt",
        steps: &[
            "Open the file in Safari and allow the profile to be downloaded.",
            "In Settings choose Profile Downloaded and Install.",
            "In Settings, General, About, Certificate Trust Settings switch on full trust for it.",
        ],
        managed: "A configuration profile with a certificate payload; managed devices trust it without further steps.",
    },
    DeviceSteps {
        platform: "Chromebook",
        key: "chromeos",
        file: "ca.pem",
        steps: &[
            "In Settings, Privacy and security, Security, Manage certificates open the Authorities tab.",
            "Choose Import, pick the file and allow it to identify websites.",
        ],
        managed: "Google Admin console: Devices, Networks, Certificates; add the file for Chromebooks as an HTTPS certificate authority.",
    },
    DeviceSteps {
        platform: "Android",
        key: "android",
        file: "ca.crt",
        steps: &[
            "In Settings look for Install a certificate, then CA certificate, and pick the file.",
            "Many apps trust only certificates that device management has installed.",
        ],
        managed: "Android Enterprise: a trusted root certificate in the work profile or on the fully managed device.",
    },
    DeviceSteps {
        platform: "Linux",
        key: "linux",
        file: "ca.pem",
        steps: &[
            "Copy the file to /usr/local/share/ca-certificates/ with a name that ends in .crt.",
            "Run update-ca-certificates as root.",
        ],
        managed: "Ship the file with your configuration management and run update-ca-certificates.",
    },
    DeviceSteps {
        platform: "Firefox",
        key: "firefox",
        file: "ca.pem",
        steps: &[
            "In Settings, Privacy and Security, View Certificates open Authorities and choose Import.",
            "Pick the file and trust it to identify websites.",
        ],
        managed: "The enterprise policy ImportEnterpriseRoots makes Firefox use the system's certificates.",
    },
];

/// The steps for every platform, most common first.
pub fn trust_steps() -> &'static [DeviceSteps] {
    &STEPS
}
