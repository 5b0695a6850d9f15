/// Networks as addresses and extended keys tell them apart.
public enum BitcoinNetwork: Hashable, Sendable, CaseIterable {
    case main
    /// testnet3, testnet4 and signet, which share every prefix.
    case test
    /// Shares its prefixes with `test`, but for that of segregated witness addresses.
    case regtest

    /// What a segregated witness address begins with, before the `1`. Source: BIP 173; regtest: Bitcoin Core.
    var witnessPrefix: String {
        switch self {
        case .main: "bc"
        case .test: "tb"
        case .regtest: "bcrt"
        }
    }

    /// First byte of a pay-to-public-key-hash address in Base58.
    var publicKeyHashVersion: UInt8 {
        switch self {
        case .main: 0x00
        case .test, .regtest: 0x6f
        }
    }

    /// First byte of a pay-to-script-hash address in Base58. Source: BIP 13.
    var scriptHashVersion: UInt8 {
        switch self {
        case .main: 0x05
        case .test, .regtest: 0xc4
        }
    }

    /// First four bytes of an extended public key, big-endian: `xpub` or `tpub`. Source: BIP 32.
    var extendedKeyVersion: UInt32 {
        switch self {
        case .main: 0x0488_b21e
        case .test, .regtest: 0x0435_87cf
        }
    }
}
