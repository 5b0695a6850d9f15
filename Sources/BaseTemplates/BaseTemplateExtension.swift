/// The numbers of the base-template extension, version 1. Source: docs/base-template-extension.md.
public enum BaseTemplateExtension {
    /// The letters "AD", in the range of experiments (0x4000 to 0x7fff): `44 41` on the wire.
    public static let extensionType: UInt16 = 0x4144
    /// What RequestBaseTemplate offers, and RequestBaseTemplate.Success says.
    public static let version: UInt16 = 1

    /// Of any message, in bytes. At 1 Mbit/s a frame holds up what follows it for an eighth of a second.
    public static let maximumPayload = 16_384
    /// Records of one full list, in bytes.
    public static let maximumListBytes = 2 << 20
    /// Candidates at any time; their indexes are below.
    public static let maximumCandidates = 32_768
    /// Candidates that another one may spend from.
    public static let maximumParents = 255
    /// Outputs that a pool may ask for, and the bytes of all their records.
    public static let maximumOutputs = 64
    public static let maximumOutputBytes = 8_192

    /// Segments of a list that may be on their way without acknowledgement.
    public static let segmentWindow = 4
    /// Numbered messages that may be.
    public static let messageWindow = 8
    /// In satoshis, weight units and sigop cost: what a candidate may have.
    static let maximumFee: UInt64 = 2_100_000_000_000_000
    static let maximumWeight: UInt32 = 4_000_000
    static let maximumSigopCost: UInt32 = 80_000
}
