/// What may arrive on a mining connection, at either end.
public enum MiningMessage: LinkMessage {
    case common(CommonMessage)
    case openStandardMiningChannel(OpenStandardMiningChannel)
    case openStandardMiningChannelSuccess(OpenStandardMiningChannelSuccess)
    case openExtendedMiningChannel(OpenExtendedMiningChannel)
    case openExtendedMiningChannelSuccess(OpenExtendedMiningChannelSuccess)
    case openMiningChannelError(OpenMiningChannelError)
    case updateChannel(UpdateChannel)
    case updateChannelError(UpdateChannelError)
    case closeChannel(CloseChannel)
    case setExtranoncePrefix(SetExtranoncePrefix)
    case submitSharesStandard(SubmitSharesStandard)
    case submitSharesExtended(SubmitSharesExtended)
    case submitSharesSuccess(SubmitSharesSuccess)
    case submitSharesError(SubmitSharesError)
    case newMiningJob(NewMiningJob)
    case newExtendedMiningJob(NewExtendedMiningJob)
    case setNewPrevHash(SetNewPrevHash)
    case setTarget(SetTarget)
    case setCustomMiningJob(SetCustomMiningJob)
    case setCustomMiningJobSuccess(SetCustomMiningJobSuccess)
    case setCustomMiningJobError(SetCustomMiningJobError)
    case setGroupChannel(SetGroupChannel)

    public static let readers = MessageReaders<Self>(
        CommonMessage.readers.map { .common($0) } + [
            .reading(openStandardMiningChannel), .reading(openStandardMiningChannelSuccess),
            .reading(openExtendedMiningChannel), .reading(openExtendedMiningChannelSuccess),
            .reading(openMiningChannelError), .reading(updateChannel), .reading(updateChannelError),
            .reading(closeChannel), .reading(setExtranoncePrefix), .reading(submitSharesStandard),
            .reading(submitSharesExtended), .reading(submitSharesSuccess), .reading(submitSharesError),
            .reading(newMiningJob), .reading(newExtendedMiningJob), .reading(setNewPrevHash),
            .reading(setTarget), .reading(setCustomMiningJob), .reading(setCustomMiningJobSuccess),
            .reading(setCustomMiningJobError), .reading(setGroupChannel),
        ])

    public var message: any SV2Message {
        switch self {
        case .common(let message): message.message
        case .openStandardMiningChannel(let message): message
        case .openStandardMiningChannelSuccess(let message): message
        case .openExtendedMiningChannel(let message): message
        case .openExtendedMiningChannelSuccess(let message): message
        case .openMiningChannelError(let message): message
        case .updateChannel(let message): message
        case .updateChannelError(let message): message
        case .closeChannel(let message): message
        case .setExtranoncePrefix(let message): message
        case .submitSharesStandard(let message): message
        case .submitSharesExtended(let message): message
        case .submitSharesSuccess(let message): message
        case .submitSharesError(let message): message
        case .newMiningJob(let message): message
        case .newExtendedMiningJob(let message): message
        case .setNewPrevHash(let message): message
        case .setTarget(let message): message
        case .setCustomMiningJob(let message): message
        case .setCustomMiningJobSuccess(let message): message
        case .setCustomMiningJobError(let message): message
        case .setGroupChannel(let message): message
        }
    }
}
