extension AuthorityKeyError: CustomStringConvertible {
    /// What is wrong with the text, and where a good one comes from. It does not repeat the text, which may be a secret.
    public var description: String {
        switch self {
        case .empty: "there is no key"
        case .tooLong(let count): "\(count) characters are more than a key has, which are 51 for a public key"
        case .character(let scalar, let position):
            "character \(position + 1) is \(scalar.escaped(asASCII: true)), which no key has (Base58: no 0, O, I and l)"
        case .checksum: "its checksum does not hold, so it was mistyped or cut; copy it again"
        case .withoutVersion:
            "it has the form of a secret key, or of keys before 2023, which had no version; ask the pool for its "
                + "public key of 51 characters"
        case .version(let version): "it has version \(version), and only 1 is known"
        case .length(let count): "it has \(count) bytes, where a public key has 34 and a secret one 32"
        case .notOnCurve: "it is no point of the curve, so nobody can have its secret; copy it again"
        case .notAScalar: "it is no secret key of the curve"
        }
    }
}
