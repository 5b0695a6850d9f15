/// Which chain a node of the peer-to-peer network follows.
public enum PeerNetwork: String, CaseIterable, Hashable, Sendable {
    case main, testnet3, testnet4
    /// The default signet; one with a challenge of its own has another magic.
    case signet
    case regtest

    /// The four bytes with which every message begins. Source: compact-blocks.md, section 1.
    public var magic: [UInt8] {
        switch self {
        case .main: [0xf9, 0xbe, 0xb4, 0xd9]
        case .testnet3: [0x0b, 0x11, 0x09, 0x07]
        case .testnet4: [0x1c, 0x16, 0x3f, 0x28]
        case .signet: [0x0a, 0x03, 0xcf, 0x40]
        case .regtest: [0xfa, 0xbf, 0xb5, 0xda]
        }
    }

    /// Where a node listens unless told otherwise. Source: Bitcoin Core, `chainparams.cpp`.
    public var defaultPort: Int {
        switch self {
        case .main: 8_333
        case .testnet3: 18_333
        case .testnet4: 48_333
        case .signet: 38_333
        case .regtest: 18_444
        }
    }

    init?(magic: some Sequence<UInt8>) {
        guard let network = PeerNetwork.allCases.first(where: { magic.elementsEqual($0.magic) }) else {
            return nil
        }
        self = network
    }
}

extension PeerNetwork: CustomStringConvertible {
    public var description: String {
        switch self {
        case .main: "the main network"
        case .testnet3, .testnet4, .signet, .regtest: rawValue
        }
    }
}
