const hues = 8

/** The same colour for an id each time. */
const hueOf = (id: string): number =>
  Array.from(id).reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 9973, 7) % hues

const initialsOf = (name: string): string =>
  name
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 2)
    .map(word => [...word][0]?.toUpperCase() ?? '')
    .join('')

/** Somebody's initials; with `isOnline`, a dot that says whether they are there. */
export const Avatar = ({ id, name, isOnline }: { id: string; name: string; isOnline?: boolean | undefined }) => (
  <span class={`avatar hue-${hueOf(id)}`}>
    <span aria-hidden="true">{initialsOf(name)}</span>
    {isOnline !== undefined && (
      <span class={isOnline ? 'presence online' : 'presence'}>
        <span class="sr">{isOnline ? 'online' : 'offline'}</span>
      </span>
    )}
  </span>
)
