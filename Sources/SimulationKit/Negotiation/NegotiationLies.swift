import BitcoinPrimitives
import Negotiation
import SV2Codec
import SV2Messages
import Units

// What becomes of a pool's words while it lies.
extension NegotiationWorld {
    mutating func twisted(_ message: UpstreamMessage, by pool: Int) -> [UpstreamMessage] {
        var messages = [message]
        for lie in condition(of: pool).lies { messages = messages.flatMap { twist($0, lie) } }
        return messages
    }

    private mutating func twist(_ message: UpstreamMessage, _ lie: NegotiationPlan.Lie) -> [UpstreamMessage] {
        switch lie {
        case .refusesDeclarations:
            guard case .jobDeclaration(.declareMiningJobSuccess(let success)) = message else {
                return [message]
            }
            return [refusal(of: success.requestId)]
        case .refusesJobs:
            guard case .mining(.setCustomMiningJobSuccess(let success)) = message else { return [message] }
            return [
                .mining(
                    .setCustomMiningJobError(
                        .init(
                            channelId: success.channelId, requestId: success.requestId,
                            errorCode: "invalid-job-param-value-version")))
            ]
        case .refusesShares: return refusingShares(message)
        case .restlessPayout:
            guard case .jobDeclaration(.allocateMiningJobTokenSuccess(var success)) = message else {
                return [message]
            }
            let script = Script.payToWitnessScriptHash([UInt8(truncatingIfNeeded: chance.next()), 0x51])
            success.coinbaseTxOutputs = TransactionOutput.wireBytes(of: [
                TransactionOutput(value: .zero, script: script)
            ])
            return [.jobDeclaration(.allocateMiningJobTokenSuccess(success))]
        case .wrongTip:
            guard case .mining(.setNewPrevHash(var tip)) = message else { return [message] }
            tip.prevHash =
                U256(wireBytes: Hash256(hashing: [UInt8(truncatingIfNeeded: chance.next())]).wireBytes)
                ?? .max
            return [.mining(.setNewPrevHash(tip))]
        case .wrongPayout:
            guard case .mining(.newExtendedMiningJob(var job)) = message, job.coinbaseTxSuffix.count > 30
            else {
                return [message]
            }
            // Behind sequence, count, value, length and the two bytes of the witness program.
            job.coinbaseTxSuffix[20] ^= 0x55
            return [.mining(.newExtendedMiningJob(job))]
        case .garbage: return chance.happens(0.3) ? [message, garbage(beside: message)] : [message]
        case .echo: return [message, message]
        case .wrongIds: return [withWrongIds(message)]
        case .absurdTargets:
            guard chance.happens(0.3), message.link == .mining, case .mining = message else {
                return [message]
            }
            let target = chance.happens(0.5) ? U256.zero : .max
            return [message, .mining(.setTarget(.init(channelId: 2, maximumTarget: target)))]
        }
    }

    private func refusal(of request: UInt32) -> UpstreamMessage {
        .jobDeclaration(
            .declareMiningJobError(.init(requestId: request, errorCode: "invalid-job", errorDetails: [])))
    }

    private func refusingShares(_ message: UpstreamMessage) -> [UpstreamMessage] {
        switch message {
        case .mining(.submitSharesSuccess(let success)):
            let last = success.lastSequenceNumber
            let count = min(success.newSubmitsAcceptedCount, 20, last)
            return (0..<count).reversed().map {
                .mining(
                    .submitSharesError(
                        .init(
                            channelId: success.channelId, sequenceNumber: last - $0,
                            errorCode: "difficulty-too-low")))
            }
        case .line(let line):
            let text = String(decoding: line, as: UTF8.self)
            guard text.contains("\"result\":true"), text.contains("\"id\":") else { return [message] }
            return [
                .line(
                    Array(
                        text.replacing("\"result\":true", with: "\"result\":null").replacing(
                            "\"error\":null", with: "\"error\":[23,\"Low difficulty share\",null]"
                        ).utf8))
            ]
        case .mining, .jobDeclaration, .baseTemplate: return [message]
        }
    }

    private mutating func garbage(beside message: UpstreamMessage) -> UpstreamMessage {
        let number = UInt32(truncatingIfNeeded: chance.next())
        let bytes = (0..<Int(number % 40)).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
        if case .line = message { return .line(bytes) }
        switch (message.link, number % 9) {
        case (.jobDeclaration, 0...1):
            return .jobDeclaration(
                .declareMiningJobSuccess(.init(requestId: number, newMiningJobToken: bytes)))
        case (.jobDeclaration, 2...3):
            return .jobDeclaration(
                .allocateMiningJobTokenSuccess(
                    .init(requestId: number, miningJobToken: bytes, coinbaseTxOutputs: bytes)))
        case (.jobDeclaration, 4...6):
            return .jobDeclaration(
                .provideMissingTransactions(
                    .init(requestId: number, unknownTxPositionList: [0, 9, 9, 65_535])))
        case (.jobDeclaration, _):
            let header = FrameHeader(
                extensionType: 0x4144, channelMsg: false, msgType: UInt8(number & 15), msgLength: bytes.count)
            return .baseTemplate(header, bytes)
        case (.mining, 0):
            return .mining(.setCustomMiningJobSuccess(.init(channelId: 2, requestId: number, jobId: number)))
        case (.mining, 1):
            return .mining(.setExtranoncePrefix(.init(channelId: 2, extranoncePrefix: bytes)))
        case (.mining, 2):
            return .mining(
                .submitSharesSuccess(
                    .init(
                        channelId: 2, lastSequenceNumber: number, newSubmitsAcceptedCount: number,
                        newSharesSum: .max)))
        case (.mining, 3):
            return .mining(
                .submitSharesError(.init(channelId: 2, sequenceNumber: number, errorCode: "what")))
        case (.mining, 4):
            return .mining(
                .newExtendedMiningJob(
                    .init(
                        channelId: 2, jobId: number, minNtime: number, version: number,
                        versionRollingAllowed: true, merklePath: [], coinbaseTxPrefix: bytes,
                        coinbaseTxSuffix: bytes)))
        case (.mining, 5):
            return .mining(
                .setNewPrevHash(
                    .init(channelId: 2, jobId: number, prevHash: .max, minNtime: number, nbits: number)))
        case (.mining, 6):
            return .mining(.setGroupChannel(.init(groupChannelId: number, channelIds: [2, 2])))
        case (.mining, _):
            return .mining(.closeChannel(.init(channelId: number % 4, reasonCode: "why not")))
        }
    }

    private func withWrongIds(_ message: UpstreamMessage) -> UpstreamMessage {
        switch message {
        case .mining(.setCustomMiningJobSuccess(var success)):
            success.requestId &+= 7
            return .mining(.setCustomMiningJobSuccess(success))
        case .mining(.submitSharesSuccess(var success)):
            success.lastSequenceNumber &+= 7
            return .mining(.submitSharesSuccess(success))
        case .jobDeclaration(.declareMiningJobSuccess(var success)):
            success.requestId &+= 7
            return .jobDeclaration(.declareMiningJobSuccess(success))
        case .jobDeclaration(.allocateMiningJobTokenSuccess(var success)):
            success.requestId &+= 7
            return .jobDeclaration(.allocateMiningJobTokenSuccess(success))
        case .mining, .jobDeclaration, .baseTemplate, .line: return message
        }
    }
}
