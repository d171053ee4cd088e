import { type Kysely, sql } from 'kysely'

/**
 * Messages are stored encrypted: `body` holds content and metadata, `key_id` says by which of the `content_keys`, which are stored
 * wrapped. `walk_at` and `walk_found` are where the re-encryption of a retired key's messages stands.
 *
 * What was stored before stays in `content` and `metadata` until the job has encrypted it, and the former `send_message` stays for
 * the functions that are replaced after this. The next migration drops all three.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    create table content_keys (
      id integer generated always as identity primary key,
      wrapped bytea not null,
      created_at timestamptz(3) not null,
      retired_at timestamptz(3),
      walk_at uuid,
      walk_found bigint not null default 0
    )`.execute(db)
  await sql`create unique index one_active_content_key on content_keys ((true)) where retired_at is null`.execute(db)

  await sql`alter table messages add column key_id integer, add column body bytea`.execute(db)
  await sql`create index messages_in_plain on messages (id) where content is not null`.execute(db)

  // As before, but for `p_key_id` and `p_body` in the place of content and metadata.
  await sql`
    create function send_message(
      p_id uuid, p_conversation_id uuid, p_sender_id uuid, p_type text, p_key_id integer, p_body bytea, p_now timestamptz,
      p_business_id uuid default null
    ) returns table (seq bigint, sent_at timestamptz, recipients uuid[], business_id uuid)
    language plpgsql volatile as $$
    declare
      v_seq bigint;
      v_sent_at timestamptz;
      v_type text;
      v_is_participant boolean;
      v_chat business_conversations%rowtype;
    begin
      -- The time never runs backwards within a conversation, whichever machine's clock it came from.
      update conversations c
        set last_seq = c.last_seq + 1,
            last_message_id = p_id,
            last_activity_at = greatest(c.last_activity_at, p_now),
            changed_xid = pg_current_xact_id()
        where c.id = p_conversation_id
        returning c.last_seq, c.last_activity_at, c.type into v_seq, v_sent_at, v_type;

      if v_type = 'business' then
        select * into v_chat from business_conversations b where b.conversation_id = p_conversation_id;
      end if;

      if p_type <> 'system' then
        update participants p
          set last_read_seq = v_seq, changed_xid = pg_current_xact_id()
          where p.conversation_id = p_conversation_id and p.user_id = p_sender_id and p.left_at is null;
        v_is_participant := found;
        if not v_is_participant and not coalesce(p_business_id = v_chat.business_id, false) then
          raise exception 'not a participant' using errcode = 'KC404';
        end if;
      end if;

      insert into messages (id, conversation_id, seq, sender_id, type, key_id, body, sent_at)
        values (p_id, p_conversation_id, v_seq, p_sender_id, p_type, p_key_id, p_body, v_sent_at);

      if v_type = 'business' and p_type <> 'system' then
        if v_chat.status = 'closed' and p_sender_id = v_chat.customer_id then
          raise exception 'the conversation is closed' using errcode = 'KC409';
        end if;
        if p_sender_id = v_chat.agent_id and v_chat.answered_at is null then
          update business_conversations b
            set answered_at = v_sent_at,
                is_told_to_wait = false,
                first_response_at = coalesce(b.first_response_at, v_sent_at),
                first_response_by = coalesce(b.first_response_by, p_sender_id)
            where b.conversation_id = p_conversation_id;
        elsif not v_is_participant and v_chat.first_response_at is null then
          update business_conversations b
            set first_response_at = v_sent_at, first_response_by = p_sender_id
            where b.conversation_id = p_conversation_id;
        end if;
      end if;

      return query
        select v_seq, v_sent_at, array(
          select p.user_id from participants p where p.conversation_id = p_conversation_id and p.left_at is null
        ), v_chat.business_id;
    end
    $$`.execute(db)
}
