import ASICWire
import Units

/// What is wrong with a data port: it changes what a board has sent, and shares nothing with the chips.
public enum PortFault: Hashable, Sendable {
    /// Other bytes instead of the board's, as many as the board sent.
    case garbage
    /// Of every frame only a first part.
    case halfFrames
    /// Chips give this identity (the top 16 bits of register 0x00) instead of their own.
    case otherChip(UInt16)
    /// Nothing ever comes.
    case silent
}

/// A data port with a fault, to stand between a board and the host.
public struct FaultyPort: Sendable {
    public let fault: PortFault
    private var chance: SplitMix64

    public init(_ fault: PortFault, seed: UInt64) {
        self.fault = fault
        chance = SplitMix64(seed: seed)
    }

    /// What the host gets of `outputs`, each of which is one frame.
    public mutating func pass(_ outputs: [EmulatedOutput]) -> [EmulatedOutput] {
        outputs.compactMap { output in
            switch fault {
            case .garbage: EmulatedOutput(bytes: chance.bytes(output.bytes.count), at: output.at)
            case .halfFrames:
                EmulatedOutput(
                    bytes: Array(
                        output.bytes.prefix(Int.random(in: 1..<max(output.bytes.count, 2), using: &chance))),
                    at: output.at)
            case .otherChip(let identity): Self.renamed(output, identity)
            case .silent: nil
            }
        }
    }

    private static func renamed(_ output: EmulatedOutput, _ identity: UInt16) -> EmulatedOutput {
        for format in [ResponseFormat.short, .long] where output.bytes.count == format.length {
            if case .frame(.register(var reply), _) = decodeResponse(output.bytes[...], format),
                reply.register == Register.chipID
            {
                reply.value = UInt32(identity) << 16 | reply.value & 0xffff
                return EmulatedOutput(bytes: ChipResponse.register(reply).wireBytes(format), at: output.at)
            }
        }
        return output
    }
}

extension SplitMix64 {
    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) }
    }
}
