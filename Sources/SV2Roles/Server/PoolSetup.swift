import SV2Codec
import SV2Messages

// What every connection begins with. Source: sv2-notes §4.

extension Pool {
    static let protocolNumberOfMining: UInt8 = 0
    static let protocolNumberOfDeclaration: UInt8 = 1
    private static let spokenVersion: UInt16 = 2

    mutating func receive(
        _ message: MiningMessage, _ trailing: ArraySlice<UInt8>, on connection: ConnectionID,
        _ turn: inout Turn
    ) {
        guard let link = miningLinks[connection] else { return }  // it was closed while this was on its way
        switch (link.setup, message) {
        case (.waiting, .common(.setupConnection(let setup))): setUpMining(setup, connection, &turn)
        case (.waiting, _): close(connection, .beforeSetup(type(of: message.message).name), &turn)
        case (.done, .common(.setupConnection)): close(connection, .setupTwice, &turn)
        case (.done, .common(.requestExtensions(let request))):
            answer(request, on: connection, &turn)
        case (.done, _): handle(message, trailing, on: connection, &turn)
        }
    }

    mutating func receive(_ message: JobDeclarationMessage, on connection: ConnectionID, _ turn: inout Turn) {
        guard let link = declarationLinks[connection] else { return }
        switch (link.setup, message) {
        case (.waiting, .common(.setupConnection(let setup))): setUpDeclaration(setup, connection, &turn)
        case (.waiting, _): close(connection, .beforeSetup(type(of: message.message).name), &turn)
        case (.done, .common(.setupConnection)): close(connection, .setupTwice, &turn)
        case (.done, .common(.requestExtensions(let request))):
            answer(request, onDeclaration: connection, &turn)
        case (.done, _): handle(message, on: connection, &turn)
        }
    }

    private mutating func setUpMining(
        _ setup: SetupConnection, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        typealias Flags = SetupFlags.Mining
        let choosesWork = setup.flags & Flags.requiresWorkSelection != 0
        var spoken = Flags.requiresVersionRolling
        if !configuration.declarationModes.isEmpty { spoken |= Flags.requiresWorkSelection }
        // Custom jobs are extended ones: nobody can have both.
        if configuration.ownJobs != nil, !choosesWork { spoken |= Flags.requiresStandardJobs }
        let required = configuration.ownJobs == nil ? Flags.requiresWorkSelection : 0
        if let (refusal, flags) = refusal(
            of: setup, protocol: Self.protocolNumberOfMining, spoken: spoken,
            required: (required, .missingWorkSelection))
        {
            let error = SetupConnectionError(flags: flags, errorCode: WireText(refusal.rawValue))
            turn.actions.append(.sendMining(connection, .common(.setupConnectionError(error))))
            return close(connection, .setupRefused(refusal), &turn)
        }
        miningLinks[connection]?.setup = .done
        miningLinks[connection]?.work =
            choosesWork ? .custom : setup.flags & Flags.requiresStandardJobs == 0 ? .own : .ownStandardOnly
        let success = SetupConnectionSuccess(
            usedVersion: Self.spokenVersion,
            flags: choosesWork ? SetupFlags.MiningSuccess.requiresExtendedChannels : 0)
        turn.actions.append(.sendMining(connection, .common(.setupConnectionSuccess(success))))
    }

    private mutating func answer(
        _ request: RequestExtensions, on connection: ConnectionID, _ turn: inout Turn
    ) {
        let answer = ExtensionsAnswer(request, spoken: [WorkerName.extensionType])
        if answer.granted.contains(WorkerName.extensionType) { miningLinks[connection]?.namesWorkers = true }
        turn.actions.append(.sendMining(connection, .common(answer.message)))
    }

    private mutating func answer(
        _ request: RequestExtensions, onDeclaration connection: ConnectionID, _ turn: inout Turn
    ) {
        let answer = ExtensionsAnswer(request, spoken: configuration.declarationExtensions)
        declarationLinks[connection]?.extensions.formUnion(answer.granted)
        turn.actions.append(.sendDeclaration(connection, .common(answer.message)))
    }

    /// What was granted on a job declaration connection, for who serves it.
    public func extensions(of connection: ConnectionID) -> Set<UInt16> {
        declarationLinks[connection]?.extensions ?? []
    }

    private mutating func setUpDeclaration(
        _ setup: SetupConnection, _ connection: ConnectionID, _ turn: inout Turn
    ) {
        let fullTemplate = SetupFlags.JobDeclaration.declareTxData
        let modes = configuration.declarationModes
        if let (refusal, flags) = refusal(
            of: setup, protocol: Self.protocolNumberOfDeclaration,
            spoken: modes.contains(.fullTemplate) ? fullTemplate : 0,
            required: (modes.contains(.coinbaseOnly) ? 0 : fullTemplate, .missingDeclareTxData))
        {
            let error = SetupConnectionError(flags: flags, errorCode: WireText(refusal.rawValue))
            turn.actions.append(.sendDeclaration(connection, .common(.setupConnectionError(error))))
            return close(connection, .setupRefused(refusal), &turn)
        }
        declarationLinks[connection]?.setup = .done
        declarationLinks[connection]?.mode =
            setup.flags & fullTemplate == 0 ? .coinbaseOnly : .fullTemplate
        let success = SetupConnectionSuccess(usedVersion: Self.spokenVersion, flags: 0)
        turn.actions.append(.sendDeclaration(connection, .common(.setupConnectionSuccess(success))))
    }

    /// Why a connection is not taken, and the flags that are not served: 0 when the reason is another.
    private func refusal(
        of setup: SetupConnection, protocol number: UInt8, spoken: UInt32,
        required: (flag: UInt32, refusal: SetupRefusal)
    ) -> (SetupRefusal, flags: UInt32)? {
        guard setup.protocol == number else { return (.unsupportedProtocol, 0) }
        guard setup.minVersion <= Self.spokenVersion, Self.spokenVersion <= setup.maxVersion else {
            return (.protocolVersionMismatch, 0)
        }
        let unserved = setup.flags & ~spoken
        guard unserved == 0 else { return (.unsupportedFeatureFlags, unserved) }
        return setup.flags & required.flag != required.flag ? (required.refusal, 0) : nil
    }
}
