import SV2Connections
import SV2Messages
import SV2Noise
import Testing
import Transports

/// What each role lets its peer send. Source: sv2-notes §15.
@Suite struct RoleOptionsTests {
    static let large = PayloadLimits.greatest
    static let mebibyte = 1 << 20
    typealias Row = (name: String, options: SV2LinkOptions, usual: Int, larger: [UInt8: Int])

    static let rows: [Row] = [
        ("mining client", .miningClient, 128 << 10, [:]),
        ("mining server", .miningServer, 4 << 10, [0x22: 128 << 10]),
        ("declaration client", .declarationClient, 192 << 10, [:]),
        ("declaration server", .declarationServer, 4 << 10, [0x57: 2_306_867, 0x56: large]),
        ("template client", .templateClient, 128 << 10, [0x74: large]),
        ("template server", .templateServer, 4 << 10, [0x76: 128 << 10]),
    ]

    @Test func `every message type of every role has the limit of the list, and only those named are large`()
    {
        for row in Self.rows {
            for type in UInt8.min...UInt8.max {
                #expect(
                    row.options.payloadLimits.limit(for: type) == row.larger[type] ?? row.usual,
                    "\(row.name), type \(type)")
            }
        }
    }

    @Test func `who sends a block's transactions can queue them, and everybody else a mebibyte`() {
        for row in Self.rows {
            let sendsBlocks = ["declaration client", "template server"].contains(row.name)
            #expect(row.options.queueBytes == (sendsBlocks ? 32 : 1) * Self.mebibyte, "\(row.name)")
            #expect(row.options.queueMessages == 256)
        }
    }

    @Test func `only a pool ends a connection for being silent, and every server waits for a first frame`() {
        for row in Self.rows {
            #expect(row.options.patience.silence == (row.name == "mining server" ? .seconds(3_600) : nil))
            #expect(row.options.patience.first == .seconds(10))
            #expect(row.options.handshakeTimeout == .seconds(10))
        }
    }
}
