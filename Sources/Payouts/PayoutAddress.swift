public import BitcoinPrimitives

/// Why a text is no address that we can pay to. Positions count characters from 0.
public enum AddressFault: Error, Hashable, Sendable {
    case empty
    /// Neither form of segregated witness addresses, and this is wrong with it as Base58.
    case base58(Base58Check.Fault)
    /// Begins like a segregated witness address, and this is wrong with it.
    case bech32(Bech32.Fault)
    /// A right address, but of these networks, and not of the one that is wanted.
    case otherNetwork([BitcoinNetwork], wanted: BitcoinNetwork)
    /// Base58 with a first byte that no Bitcoin address has.
    case version(UInt8)
    /// Base58 of so many bytes, where version and hash are 21.
    case length(Int)
    /// A segregated witness address of something else than Bitcoin, by what stands before the `1`.
    case prefix(String)
    /// Nothing between the `1` and the checksum.
    case noWitnessVersion
    /// 16 is the highest.
    case witnessVersion(UInt8)
    /// So many bytes: 20 or 32 belong to version 0, 2 to 40 to all others.
    case witnessLength(version: UInt8, bytes: Int)
    /// Left-over bits at the end that are too many or not zero.
    case padding
    /// The checksum of the other variant: version 0 has Bech32, all others Bech32m.
    case variant(Bech32.Variant, version: UInt8)
    /// A version and length that no rule protects yet: whoever mines next could take the money. Pay to it only
    /// when told to.
    case unknownWitness(version: UInt8, bytes: Int)
    /// Looks like a private key. It is not repeated anywhere.
    case privateKey
    /// An extended public key, which is no address, but can be one in a descriptor.
    case extendedKey
}

/// An address that a payout can go to: the script that it stands for, and the networks whose address it is.
public struct PayoutAddress: Hashable, Sendable {
    public enum Destination: Hashable, Sendable {
        /// The HASH160 of a public key, 20 bytes.
        case publicKeyHash([UInt8])
        /// The HASH160 of a script, 20 bytes (BIP 13, BIP 16).
        case scriptHash([UInt8])
        /// A witness program of 2 to 40 bytes (BIP 141), version 0 to 16.
        case witness(version: UInt8, program: [UInt8])
    }

    public let destination: Destination
    /// One network, or `test` and `regtest`, whose Base58 addresses are the same.
    public let networks: [BitcoinNetwork]

    /// Reads an address of any network: Base58, Bech32 or Bech32m. A space or line end around it is the
    /// caller's to remove.
    ///
    /// - Parameter allowingUnknownWitness: whether witness versions from 2 on, and version 1 with another
    ///   length than 32, are taken. BIP 350 asks senders to take them; a payout to one is anybody's for now.
    public init(_ text: String, allowingUnknownWitness: Bool = false) throws(AddressFault) {
        guard !text.isEmpty else { throw .empty }
        guard !PrivateKeyText.isPresent(in: text) else { throw .privateKey }
        let lowercase = text.lowercased()
        if let network = BitcoinNetwork.allCases.first(where: { lowercase.hasPrefix($0.witnessPrefix + "1") })
        {
            let decoded: Bech32.Text
            do throws(Bech32.Fault) { decoded = try Bech32.decode(text) } catch { throw .bech32(error) }
            // More than one `1` makes the prefix a longer one.
            guard decoded.prefix == network.witnessPrefix else { throw .prefix(decoded.prefix) }
            destination = try Self.witness(in: decoded, allowingUnknown: allowingUnknownWitness)
            networks = [network]
        } else if let other = try? Bech32.decode(text) {
            throw .prefix(other.prefix)
        } else {
            (destination, networks) = try Self.hash(in: text)
        }
    }

    /// Reads an address that must be one of `network`.
    public init(
        _ text: String, on network: BitcoinNetwork, allowingUnknownWitness: Bool = false
    ) throws(AddressFault) {
        let address = try PayoutAddress(text, allowingUnknownWitness: allowingUnknownWitness)
        guard address.networks.contains(network) else {
            throw .otherNetwork(address.networks, wanted: network)
        }
        self = address
    }

    /// The address that stands for a script on a network; `nil` for scripts without one.
    public init?(script: [UInt8], on network: BitcoinNetwork) {
        if script.count == 25, script.starts(with: [0x76, 0xa9, 20]), script.suffix(2) == [0x88, 0xac] {
            destination = .publicKeyHash([UInt8](script[3..<23]))
        } else if script.count == 23, script.starts(with: [0xa9, 20]), script[22] == 0x87 {
            destination = .scriptHash([UInt8](script[2..<22]))
        } else if let version = Self.witnessVersion(of: script) {
            destination = .witness(version: version, program: [UInt8](script[2...]))
        } else {
            return nil
        }
        switch destination {
        case .witness: networks = [network]
        case .publicKeyHash, .scriptHash:
            networks = BitcoinNetwork.allCases.filter {
                $0.publicKeyHashVersion == network.publicKeyHashVersion
            }
        }
    }

    /// What goes into the output.
    public var script: [UInt8] {
        switch destination {
        case .publicKeyHash(let hash): [0x76, 0xa9, 20] + hash + [0x88, 0xac]
        case .scriptHash(let hash): [0xa9, 20] + hash + [0x87]
        case .witness(let version, let program):
            [version == 0 ? 0 : 0x50 + version, UInt8(program.count)] + program
        }
    }

    /// The address as people write it; Bech32 in lower case.
    public var text: String {
        let network = networks[0]
        switch destination {
        case .publicKeyHash(let hash): return Base58Check.encode([network.publicKeyHashVersion] + hash)
        case .scriptHash(let hash): return Base58Check.encode([network.scriptHashVersion] + hash)
        case .witness(let version, let program):
            return Bech32.encode(
                Bech32.Text(
                    prefix: network.witnessPrefix, groups: [version] + Bech32.groups(of: program),
                    variant: version == 0 ? .bech32 : .bech32m))
        }
    }

    private static func witness(
        in text: Bech32.Text, allowingUnknown: Bool
    ) throws(AddressFault) -> Destination {
        guard let version = text.groups.first else { throw .noWitnessVersion }
        guard version <= 16 else { throw .witnessVersion(version) }
        guard text.variant == (version == 0 ? .bech32 : .bech32m) else {
            throw .variant(text.variant, version: version)
        }
        guard let program = Bech32.bytes(of: text.groups.dropFirst()) else { throw .padding }
        let isLength = version == 0 ? [20, 32].contains(program.count) : (2...40).contains(program.count)
        guard isLength else { throw .witnessLength(version: version, bytes: program.count) }
        guard version == 0 || version == 1 && program.count == 32 || allowingUnknown else {
            throw .unknownWitness(version: version, bytes: program.count)
        }
        return .witness(version: version, program: program)
    }

    private static func hash(
        in text: String
    ) throws(AddressFault) -> (destination: Destination, networks: [BitcoinNetwork]) {
        let payload: [UInt8]
        do throws(Base58Check.Fault) {
            payload = try Base58Check.decode(text)
        } catch {
            throw .base58(error)
        }
        // What else people have in Base58: extended keys. The private ones were refused by their look.
        guard payload.count != 78 else { throw .extendedKey }
        guard payload.count == 21 else { throw .length(payload.count) }
        let keyNetworks = BitcoinNetwork.allCases.filter { $0.publicKeyHashVersion == payload[0] }
        if !keyNetworks.isEmpty { return (.publicKeyHash([UInt8](payload[1...])), keyNetworks) }
        let scriptNetworks = BitcoinNetwork.allCases.filter { $0.scriptHashVersion == payload[0] }
        guard !scriptNetworks.isEmpty else { throw .version(payload[0]) }
        return (.scriptHash([UInt8](payload[1...])), scriptNetworks)
    }

    /// The version of a witness program (BIP 141) that has an address: not a version 0 of a wrong length.
    private static func witnessVersion(of script: [UInt8]) -> UInt8? {
        guard (4...42).contains(script.count), Int(script[1]) == script.count - 2 else { return nil }
        switch script[0] {
        case 0x00: return [22, 34].contains(script.count) ? 0 : nil
        case 0x51...0x60: return script[0] - 0x50
        default: return nil
        }
    }
}
