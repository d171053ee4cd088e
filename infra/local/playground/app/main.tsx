import { render } from 'preact'
import { App } from './app.tsx'
import { loadPeople } from './people.ts'

const root = document.getElementById('app')
if (!root) throw new Error('The page has no place for the app')

loadPeople().then(
  people => render(<App people={people} />, root),
  (error: Error) => render(<p class="broken">The playground can not start: {error.message}</p>, root),
)
