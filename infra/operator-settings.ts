/**
 * The variables by which operators change defaults of the service, the same on AWS (`cdk deploy -c RETENTION_DAYS=30`) and on
 * one machine (`RETENTION_DAYS=30 npm start`). Every function gets those that are set; what is wrong in one stops the functions
 * that read it, with its name. `docs/settings.md` says what each means.
 */
export const operatorSettings = [
  'RETENTION_DAYS',
  'RETENTION_AUDIT_DAYS',
  'MESSAGE_PARTITION_SPAN',
  'HEARTBEAT_SECONDS',
  'PRESENCE_OFFLINE_AFTER_SECONDS',
  'PRESENCE_CLOSE_GRACE_SECONDS',
  'TYPING_SECONDS',
  'TYPING_THROTTLE_SECONDS',
  'REPAIR_AFTER_SECONDS',
  'SWEEP_SECONDS',
  'PRESENCE_SWEEP_SECONDS',
  'RATE_LIMIT_SENDS',
  'RATE_LIMIT_REQUESTS',
  'RATE_LIMIT_AUTH_FAILURES',
  'AGENT_GRACE_SECONDS',
  'PUSH_HOLD_SECONDS',
  'CONTENT_KEY_DAYS',
  'PROFILE_FRESH_HOURS',
  'PROFILE_STALE_DAYS',
  'CONVERSATION_LIST_CACHE_SECONDS',
  'MESSAGE_PAGE_CACHE_SECONDS',
] as const

export type OperatorSettings = Readonly<Partial<Record<(typeof operatorSettings)[number], string>>>
