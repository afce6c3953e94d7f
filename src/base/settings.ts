// Every setting, once: key in the YAML file, environment name, type, default, meaning.
// The example file, the JSON schema and the table of README follow from this list; a test compares them.
import { logLevels } from './log.ts'
import {
  address,
  choice,
  duration,
  flag,
  infoOf,
  listen,
  name,
  setting,
  text,
  transcoder,
  whole,
  withDefault,
  type SettingInfo,
} from './setting.ts'
import {
  bitrate,
  bouquets,
  destinations,
  deviceId,
  deviceNetworks,
  hlsDvr,
  hlsPart,
  languages,
  networks,
  origins,
  receivers,
  socketGroup,
  socketMode,
  socketPath,
  socketUsers,
  token,
  tuners,
  workers,
} from './values.ts'

/** The settings by their key in the file. */
export const settings = {
  owiBase: setting(address, {
    env: 'XG2G_OWI_BASE',
    meaning: "The receiver's OpenWebIF, such as http://192.168.1.20",
  }),
  owiUser: setting(text, { env: 'XG2G_OWI_USER', meaning: 'User name for the receiver, where it wants one' }),
  owiPass: setting(text, { env: 'XG2G_OWI_PASS', meaning: 'Password for the receiver', isSecret: true }),
  owiTimeoutMs: withDefault(whole(500, 120_000), {
    env: 'XG2G_OWI_TIMEOUT_MS',
    fallback: '10000',
    meaning: 'How long the receiver may take for an answer, in ms',
  }),
  owiFallback: withDefault(receivers, {
    env: 'XG2G_OWI_FALLBACK',
    fallback: '',
    meaning: 'Further receivers with the same channels, user and password, for when the first has no tuner',
  }),
  tuners: withDefault(tuners, {
    env: 'XG2G_TUNERS',
    fallback: 'auto',
    meaning: 'Tuners of a receiver that are used at most; auto is as many as it has',
    isLive: true,
  }),
  tunersReserved: withDefault(whole(0, 64), {
    env: 'XG2G_TUNERS_RESERVED',
    fallback: '0',
    meaning: 'Tuners that are kept free for the living room',
    isLive: true,
  }),
  linger: withDefault(duration(0, 300_000, 'a time from 0s to 5m such as 5s'), {
    env: 'XG2G_LINGER',
    fallback: '5s',
    meaning: 'How long a stream goes on that nobody watches, unless its tuner is needed',
    isDuration: true,
    isLive: true,
  }),
  bouquets: withDefault(bouquets, {
    env: 'XG2G_BOUQUET',
    fallback: '',
    meaning: 'The bouquets to offer, by name or reference, in this order; all unless given',
    isLive: true,
  }),
  channelRefresh: withDefault(duration(60_000, 7 * 86_400_000, 'a time from 1m to 7d such as 45m'), {
    env: 'XG2G_CHANNEL_REFRESH',
    fallback: '45m',
    meaning: 'How often the receiver is asked for its bouquets',
    isDuration: true,
  }),
  epgRefresh: withDefault(duration(10 * 60_000, 7 * 86_400_000, 'a time from 10m to 7d such as 6h'), {
    env: 'XG2G_EPG_REFRESH',
    fallback: '6h',
    meaning: 'How often the receiver is asked for the guide, one channel after the other',
    isDuration: true,
  }),
  epgDays: withDefault(whole(1, 14), {
    env: 'XG2G_EPG_DAYS',
    fallback: '7',
    meaning: 'How many days of the guide are kept, from 1 to 14',
    isLive: true,
  }),
  epgTimeoutMs: withDefault(whole(500, 300_000), {
    env: 'XG2G_EPG_TIMEOUT_MS',
    fallback: '15000',
    meaning: "How long the receiver may take for one channel's guide, in ms",
  }),
  piconPath: setting(name, {
    env: 'XG2G_PICON_PATH',
    meaning: "Folder with logos of your own, named as the receiver names them; else the receiver's",
  }),
  data: withDefault(name, {
    env: 'XG2G_DATA',
    fallback: 'var',
    meaning: 'Folder for what is generated and cached',
  }),
  listen: withDefault(listen, {
    env: 'XG2G_LISTEN',
    fallback: ':8080',
    meaning: 'Where the page, API, health and metrics are served',
  }),
  tlsCert: setting(name, {
    env: 'XG2G_TLS_CERT',
    meaning:
      'Certificate for HTTPS with HTTP/2, a file in PEM, those of its authorities behind it; read again by a reload',
  }),
  tlsKey: setting(name, {
    env: 'XG2G_TLS_KEY',
    meaning: 'The key of that certificate, a file in PEM without a passphrase',
  }),
  tlsListen: withDefault(listen, {
    env: 'XG2G_TLS_LISTEN',
    fallback: ':8443',
    meaning: 'Where page and API are served by HTTPS too, once there is a certificate',
  }),
  publicUrl: setting(address, {
    env: 'XG2G_PUBLIC_URL',
    meaning:
      'The address of this port as clients see it, such as https://tv.example.org; else taken from each request',
    isLive: true,
  }),
  publicStreamUrl: setting(address, {
    env: 'XG2G_PROXY_BASE_URL',
    meaning: 'The address of the proxy port as clients see it; else the host of each request',
    isLive: true,
  }),
  apiToken: setting(token, {
    env: 'XG2G_API_TOKEN',
    meaning: 'Token for changing things; without any token private networks may do so',
    isSecret: true,
    isLive: true,
  }),
  apiReadToken: setting(token, {
    env: 'XG2G_API_READ_TOKEN',
    meaning: 'Token for reading; without it private networks may read',
    isSecret: true,
    isLive: true,
  }),
  trustedProxies: withDefault(networks, {
    env: 'XG2G_TRUSTED_PROXIES',
    fallback: '',
    meaning: 'Reverse proxies whose X-Forwarded headers count, such as 172.18.0.0/16',
    isLive: true,
  }),
  allowedOrigins: withDefault(origins, {
    env: 'XG2G_ALLOWED_ORIGINS',
    fallback: '',
    meaning: 'Other sites whose pages may read this port (CORS), such as https://tv.example.org, or *',
    isLive: true,
  }),
  rateLimitEnabled: withDefault(flag, {
    env: 'XG2G_RATELIMIT_ENABLED',
    fallback: 'true',
    meaning: 'Limit how much one client may ask of this port',
    isLive: true,
  }),
  rateLimitRps: withDefault(whole(1, 10_000), {
    env: 'XG2G_RATELIMIT_RPS',
    fallback: '50',
    meaning: 'Requests a second that one client may make',
    isLive: true,
  }),
  rateLimitBurst: withDefault(whole(0, 100_000), {
    env: 'XG2G_RATELIMIT_BURST',
    fallback: '500',
    meaning: 'Requests on top of that within ten seconds',
    isLive: true,
  }),
  rateLimitWhitelist: withDefault(networks, {
    env: 'XG2G_RATELIMIT_WHITELIST',
    fallback: '',
    meaning: 'Addresses or networks without that limit',
    isLive: true,
  }),
  enableStreamProxy: withDefault(flag, {
    env: 'XG2G_ENABLE_STREAM_PROXY',
    fallback: 'true',
    meaning: 'Serve streams on the proxy port; false sends players to the receiver itself',
  }),
  proxyListen: withDefault(listen, {
    env: 'XG2G_PROXY_LISTEN',
    fallback: ':8001',
    meaning: 'Where players fetch streams',
  }),
  proxyTarget: setting(address, {
    env: 'XG2G_PROXY_TARGET',
    meaning:
      "The receiver's stream port, such as http://192.168.1.20:8001; else the receiver is asked (8001 where players are sent to it)",
  }),
  hlsIos: withDefault(flag, {
    env: 'XG2G_HLS_IOS',
    fallback: 'true',
    meaning:
      'Send players of iPhone, iPad, Apple TV and Safari, which play no bare stream, from the proxy port to HLS',
    isLive: true,
  }),
  enableAudioTranscoding: withDefault(flag, {
    env: 'XG2G_ENABLE_AUDIO_TRANSCODING',
    fallback: 'true',
    meaning: 'Transcode sound; false passes streams through unchanged',
  }),
  audioCodec: withDefault(choice(['aac', 'mp3']), {
    env: 'XG2G_AUDIO_CODEC',
    fallback: 'aac',
    meaning: 'What sound becomes: aac or mp3',
    isLive: true,
  }),
  audioEncoder: withDefault(choice(['xg2g', 'libavcodec']), {
    env: 'XG2G_AUDIO_ENCODER',
    fallback: 'xg2g',
    meaning: 'What encodes AAC of one or two channels: xg2g itself, or libavcodec, which encodes all others',
    isLive: true,
  }),
  audioBitrate: withDefault(bitrate, {
    env: 'XG2G_AUDIO_BITRATE',
    fallback: '192k',
    meaning: 'Bitrate of the transcoded sound',
    isLive: true,
  }),
  audioChannels: withDefault(choice([1, 2, 6]), {
    env: 'XG2G_AUDIO_CHANNELS',
    fallback: '2',
    meaning: 'Most channels of the transcoded sound: 1, 2 or 6',
    isLive: true,
  }),
  audioLanguage: withDefault(languages, {
    env: 'XG2G_AUDIO_LANGUAGE',
    fallback: '',
    meaning: 'Languages to keep, in order, such as deu,eng; where none of them is sent, the first that is',
    isLive: true,
  }),
  audioTracks: withDefault(choice(['all', 'one']), {
    env: 'XG2G_AUDIO_TRACKS',
    fallback: 'all',
    meaning: 'Tracks of sound to send: all, or one for the first that flows',
    isLive: true,
  }),
  useNativeRemuxer: withDefault(flag, {
    env: 'XG2G_USE_NATIVE_REMUXER',
    oldEnv: ['XG2G_USE_RUST_REMUXER', 'XG2G_USE_RUST_TRANSCODER'],
    fallback: 'true',
    meaning: 'Transcode inside the process; else by an ffmpeg process for each stream',
  }),
  transcoderUrl: setting(transcoder, {
    env: 'XG2G_TRANSCODER_URL',
    meaning:
      'A transcoder in another process, http://host:port or unix:/path, that does the work; when it is away, this process',
  }),
  ffmpeg: withDefault(name, {
    env: 'XG2G_FFMPEG',
    fallback: 'ffmpeg',
    meaning: 'The ffmpeg program, by name or path, for when the native remuxer is off, missing or fails',
  }),
  workers: withDefault(workers, {
    env: 'XG2G_WORKERS',
    fallback: 'auto',
    meaning: 'Worker threads; auto is one less than the machine has cores',
  }),
  streamsPerWorker: withDefault(whole(1, 1024), {
    env: 'XG2G_STREAMS_PER_WORKER',
    fallback: '128',
    meaning: 'Streams that one worker thread carries at most; an eighth of them is for live streams alone',
  }),
  slowClients: withDefault(choice(['skip', 'drop']), {
    env: 'XG2G_SLOW_CLIENTS',
    fallback: 'skip',
    meaning: 'A player that is too slow: skip goes on at the next access point, drop ends its stream',
    isLive: true,
  }),
  reconnect: withDefault(duration(0, 3_600_000, 'a time from 0s to 1h such as 60s'), {
    env: 'XG2G_RECONNECT',
    fallback: '60s',
    meaning: 'How long a connection that broke is opened again while the players wait',
    isDuration: true,
    isLive: true,
  }),
  mostClients: withDefault(whole(1, 100_000), {
    env: 'XG2G_MAX_CLIENTS',
    fallback: '512',
    meaning: 'Players at once',
    isLive: true,
  }),
  mostStreams: withDefault(whole(1, 10_000), {
    env: 'XG2G_MAX_STREAMS',
    fallback: '128',
    meaning: 'Channels at once',
    isLive: true,
  }),
  mostStreamsPerClient: withDefault(whole(1, 10_000), {
    env: 'XG2G_MAX_STREAMS_PER_CLIENT',
    fallback: '64',
    meaning: 'Channels at once for one address',
    isLive: true,
  }),
  mostBufferMb: withDefault(whole(32, 1_000_000), {
    env: 'XG2G_MAX_BUFFER_MB',
    fallback: '1024',
    meaning: 'Memory for what players join and lag in, in MB; when it is full no further channel begins',
    isLive: true,
  }),
  hlsEnabled: withDefault(flag, {
    env: 'XG2G_HLS_ENABLED',
    fallback: 'true',
    meaning: 'Serve channels as HLS below /hls; needs the proxy port and the native remuxer',
  }),
  hlsPart: withDefault(hlsPart, {
    env: 'XG2G_HLS_PART',
    fallback: '200ms',
    meaning: 'Length of the parts of low-latency HLS, which follow three of them behind; off for none',
    isDuration: true,
  }),
  hlsSegment: withDefault(duration(1000, 6000, 'a time from 1s to 6s such as 2s'), {
    env: 'XG2G_HLS_SEGMENT',
    fallback: '2s',
    meaning: 'Length of a segment; more, in multiples of it, for channels whose pictures begin more rarely',
    isDuration: true,
  }),
  hlsWindow: withDefault(duration(6000, 600_000, 'a time from 6s to 10m such as 30s'), {
    env: 'XG2G_HLS_WINDOW',
    fallback: '30s',
    meaning: 'How much of a channel a live playlist lists; six segments at least',
    isDuration: true,
  }),
  hlsLinger: withDefault(duration(10_000, 3_600_000, 'a time from 10s to 1h such as 45s'), {
    env: 'XG2G_HLS_LINGER',
    fallback: '45s',
    meaning: 'How long a channel goes on after the last request of an HLS player',
    isDuration: true,
    isLive: true,
  }),
  mostHls: withDefault(whole(1, 1000), {
    env: 'XG2G_HLS_MAX',
    fallback: '32',
    meaning: 'Channels that are made into HLS at once',
    isLive: true,
  }),
  hlsDvr: withDefault(hlsDvr, {
    env: 'XG2G_HLS_DVR',
    fallback: 'off',
    meaning:
      'How far back dvr.m3u8 reaches, kept in the data folder while a channel is played; off for not at all',
    isDuration: true,
  }),
  hlsDvrMb: withDefault(whole(100, 10_000_000), {
    env: 'XG2G_HLS_DVR_MB',
    fallback: '4096',
    meaning: 'Disk space for that of all channels together, in MB; the oldest goes first',
  }),
  udsPath: withDefault(socketPath, {
    env: 'XG2G_UDS_PATH',
    fallback: '/run/xg2g/remux.sock',
    meaning: 'The socket where programs on this machine hand in streams; off or empty for none',
    empty: 'off',
  }),
  udsMode: withDefault(socketMode, {
    env: 'XG2G_UDS_MODE',
    fallback: '0660',
    meaning: 'Permissions of that socket, in octal digits: who may write to it may use it',
    isMode: true,
  }),
  udsGroup: setting(socketGroup, {
    env: 'XG2G_UDS_GROUP',
    meaning: 'Group of that socket, by name or number; else our own',
  }),
  udsUsers: withDefault(socketUsers, {
    env: 'XG2G_UDS_USERS',
    fallback: '',
    meaning: 'Users who alone may use it, by name or number; else whom its permissions let in',
  }),
  mostJobs: withDefault(whole(1, 10_000), {
    env: 'XG2G_JOBS_MAX',
    fallback: '128',
    meaning: 'Connections to the job socket at once',
  }),
  jobIdle: withDefault(duration(1000, 3_600_000, 'a time from 1s to 1h such as 30s'), {
    env: 'XG2G_JOBS_IDLE',
    fallback: '30s',
    meaning: 'How long a program may neither send nor take anything before its job is ended',
    isDuration: true,
  }),
  transcoderListen: withDefault(listen, {
    env: 'XG2G_TRANSCODER_LISTEN',
    fallback: ':3000',
    meaning: 'Where `xg2g transcoder` serves /audio-remux, health and metrics',
  }),
  transcoderSources: withDefault(destinations, {
    env: 'XG2G_TRANSCODER_SOURCES',
    fallback: '',
    meaning:
      'Hosts, addresses and networks that `xg2g transcoder` may fetch from, such as box.lan:8001, 192.168.1.0/24; of its own machine only what is listed by address',
  }),
  hdhrEnabled: withDefault(flag, {
    env: 'XG2G_HDHR_ENABLED',
    fallback: 'true',
    meaning: 'Be an HDHomeRun tuner for Plex, Jellyfin, Emby, Channels, Kodi and others',
  }),
  hdhrListen: withDefault(listen, {
    env: 'XG2G_HDHR_LISTEN',
    fallback: ':5004',
    meaning: 'Where the HDHomeRun tuner serves its lineup and streams',
  }),
  hdhrNetworks: withDefault(deviceNetworks, {
    env: 'XG2G_HDHR_NETWORKS',
    fallback: 'private',
    meaning: 'Who may use it without a token: private networks, or others such as 203.0.113.0/24',
    isLive: true,
  }),
  hdhrDiscovery: withDefault(flag, {
    env: 'XG2G_HDHR_DISCOVERY',
    fallback: 'true',
    meaning: 'Let clients find it by themselves (port 65001, SSDP)',
  }),
  hdhrBaseUrl: setting(address, {
    env: 'XG2G_HDHR_BASE_URL',
    meaning: 'The address of that port as clients see it; else the host of each request',
    isLive: true,
  }),
  hdhrDeviceId: setting(deviceId, {
    env: 'XG2G_HDHR_DEVICE_ID',
    meaning: 'By what clients know the tuner again: 8 hex digits; else made once and kept',
  }),
  hdhrFriendlyName: withDefault(name, {
    env: 'XG2G_HDHR_FRIENDLY_NAME',
    fallback: 'xg2g',
    meaning: 'The name under which clients show the tuner',
    isLive: true,
  }),
  hdhrTuners: withDefault(tuners, {
    env: 'XG2G_HDHR_TUNERS',
    oldEnv: ['XG2G_HDHR_TUNER_COUNT'],
    fallback: 'auto',
    meaning:
      'Tuners that it has for its clients; auto is as many as the receivers have and none is reserved of',
    isLive: true,
  }),
  hdhrSplit: withDefault(choice(['auto', 'bouquets', 'off']), {
    env: 'XG2G_HDHR_SPLIT',
    fallback: 'auto',
    meaning:
      'Several tuners with a part of the lineup each: auto above 480 channels, bouquets for each bouquet, off',
    isLive: true,
  }),
  metricsListen: setting(listen, {
    env: 'XG2G_METRICS_LISTEN',
    meaning: 'A further place for the metrics alone, such as 127.0.0.1:9090',
  }),
  logLevel: withDefault(choice(logLevels), {
    env: 'XG2G_LOG_LEVEL',
    fallback: 'info',
    meaning: `What is logged: ${logLevels.join(', ')}`,
    isLive: true,
  }),
}

export type SettingKey = keyof typeof settings
export const settingKeys = Object.keys(settings) as SettingKey[]

/** Names, default and meaning of a setting. */
export function settingInfo(key: SettingKey): SettingInfo {
  const info = infoOf(settings[key])
  if (info === undefined) throw new TypeError(`no setting ${key}`)
  return info
}
