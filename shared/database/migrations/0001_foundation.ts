import { type Kysely, sql } from 'kysely'

/**
 * Users, conversations, participants, messages, and the function that sends.
 *
 * Positions that every send moves (`last_seq`, `last_read_seq`, …) are in no index, and pages of conversations and participants
 * are left a fifth empty, so that these updates stay on their page (HOT). `changed_xid` is the transaction that last changed a
 * row: neither time nor `seq` orders commits across conversations, a snapshot does.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table users (
      id uuid primary key,
      kaha_id text,
      created_at timestamptz(3) not null
    )`.execute(db)

  await sql`
    create table conversations (
      id uuid primary key,
      type text not null check (type in ('direct', 'group', 'business')),
      name text,
      direct_low uuid,
      direct_high uuid,
      created_by uuid not null references users,
      created_at timestamptz(3) not null,
      last_seq bigint not null default 0,
      last_message_id uuid,
      last_activity_at timestamptz(3) not null,
      changed_xid xid8 not null default pg_current_xact_id(),
      constraint direct_has_a_pair check ((type = 'direct') = (direct_low is not null and direct_high is not null)),
      constraint direct_pair_in_order check (direct_low < direct_high),
      constraint one_direct_conversation_for_each_pair unique (direct_low, direct_high)
    ) with (fillfactor = 80)`.execute(db)

  await sql`
    create table participants (
      conversation_id uuid not null references conversations,
      user_id uuid not null references users,
      role text not null check (role in ('customer', 'agent', 'business', 'member', 'admin')),
      joined_at timestamptz(3) not null,
      left_at timestamptz(3),
      joined_seq bigint not null,
      last_read_seq bigint not null,
      last_delivered_seq bigint not null,
      is_muted boolean not null default false,
      muted_until timestamptz(3),
      changed_xid xid8 not null default pg_current_xact_id(),
      primary key (conversation_id, user_id)
    ) with (fillfactor = 80)`.execute(db)

  await sql`create index conversations_of_a_user on participants (user_id) where left_at is null`.execute(db)

  // No foreign keys: they would lock two more rows for each send, and a message is only ever made by `send_message`.
  await sql`
    create table messages (
      id uuid not null,
      conversation_id uuid not null,
      seq bigint not null,
      sender_id uuid not null,
      type text not null,
      content text,
      metadata json,
      sent_at timestamptz(3) not null,
      deleted_at timestamptz(3),
      changed_xid xid8 not null default pg_current_xact_id(),
      primary key (id)
    ) partition by range (id)`.execute(db)

  await sql`create index messages_in_order on messages (conversation_id, seq)`.execute(db)
  await sql`create index messages_by_time on messages using brin (sent_at)`.execute(db)

  /**
   * Stores a message as the next one of its conversation, moves the sender's own read position to it and returns its position,
   * its time and who is to hear of it. Atomic. The first statement locks the conversation's row, so sends of one conversation
   * commit in the order of `seq`, and since each statement of a VOLATILE function sees what has committed by then, those that
   * follow see every membership change that the lock waited for. Whatever fails takes the given `seq` back with it:
   * KC404 when the sender is not a participant, 23505 when the id is stored already.
   */
  await sql`
    create function send_message(
      p_id uuid, p_conversation_id uuid, p_sender_id uuid, p_type text, p_content text, p_metadata json, p_now timestamptz
    ) returns table (seq bigint, sent_at timestamptz, recipients uuid[])
    language plpgsql volatile as $$
    declare
      v_seq bigint;
      v_sent_at timestamptz;
    begin
      -- The time never runs backwards within a conversation, whichever machine's clock it came from.
      update conversations c
        set last_seq = c.last_seq + 1,
            last_message_id = p_id,
            last_activity_at = greatest(c.last_activity_at, p_now),
            changed_xid = pg_current_xact_id()
        where c.id = p_conversation_id
        returning c.last_seq, c.last_activity_at into v_seq, v_sent_at;

      update participants p
        set last_read_seq = v_seq, changed_xid = pg_current_xact_id()
        where p.conversation_id = p_conversation_id and p.user_id = p_sender_id and p.left_at is null;
      if not found then
        raise exception 'not a participant' using errcode = 'KC404';
      end if;

      insert into messages (id, conversation_id, seq, sender_id, type, content, metadata, sent_at)
        values (p_id, p_conversation_id, v_seq, p_sender_id, p_type, p_content, p_metadata, v_sent_at);

      return query
        select v_seq, v_sent_at, array(
          select p.user_id from participants p where p.conversation_id = p_conversation_id and p.left_at is null
        );
    end
    $$`.execute(db)
}
