import * as z from 'zod'
import type { Viewer } from '../auth/caller.ts'
import { decodeCursor, encodeCursor } from '../platform/cursor.ts'
import { PackedSnapshot, packSnapshot, type Snapshot } from './snapshot.ts'

/** A moment in the history of the database. */
export interface Moment {
  /** By the service's clock, in milliseconds since 1970. */
  takenAt: number
  snapshot: Snapshot
}

/** Where a page ended: conversations come in the order of their ids. */
export interface PagePosition {
  conversationId: string
  /** Set when the conversation itself was told already, and of its messages those up to `seq`. */
  within: {
    seq: number
    /** What was there before the window: only messages behind it are new. */
    boundary: number
  } | null
}

export interface SyncToken {
  /** The history that the moments belong to. */
  epoch: string
  /** The client knows everything up to here. */
  lower: Moment
  /** While it is being told what came after that, in pages: up to where, and how far that has come. */
  page: { upper: Moment; position: PagePosition } | null
}

const version = 1

const PackedMoment = z.tuple([z.int(), PackedSnapshot])
const PackedPage = z.tuple([PackedMoment, z.uuid(), z.tuple([z.int().min(0), z.int().min(0)]).nullable()])
const PackedToken = z.tuple([z.literal(version), z.uuid(), PackedMoment, PackedPage.nullable()])

const scopeOf = ({ id, businessId }: Viewer): string => JSON.stringify(['sync', id, businessId])
const packMoment = ({ takenAt, snapshot }: Moment) => [takenAt, packSnapshot(snapshot)]
const unpackMoment = ([takenAt, snapshot]: z.output<typeof PackedMoment>): Moment => ({ takenAt, snapshot })

/** An opaque string that is of use to this viewer only. */
export const encodeSyncToken = (viewer: Viewer, { epoch, lower, page }: SyncToken): string => {
  const within = page?.position.within
  return encodeCursor(scopeOf(viewer), [
    version,
    epoch,
    packMoment(lower),
    page && [packMoment(page.upper), page.position.conversationId, within ? [within.seq, within.boundary] : null],
  ])
}

/** Throws `invalid_cursor` for what is not a token of this viewer. */
export const decodeSyncToken = (viewer: Viewer, token: string): SyncToken => {
  const [, epoch, lower, page] = decodeCursor(scopeOf(viewer), PackedToken, token)
  if (!page) return { epoch, lower: unpackMoment(lower), page: null }
  const [upper, conversationId, within] = page
  const position = { conversationId, within: within && { seq: within[0], boundary: within[1] } }
  return { epoch, lower: unpackMoment(lower), page: { upper: unpackMoment(upper), position } }
}
