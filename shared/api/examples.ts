/** What the examples of the API documents speak of: Alice writes to Bob, and to a shop whose agent is Asha. */
export const ids = {
  alice: 'a11ce000-0000-4000-8000-000000000001',
  bob: 'b0b00000-0000-4000-8000-000000000002',
  asha: 'a5a00000-0000-4000-8000-000000000003',
  shop: '5a0b0000-0000-4000-8000-000000000004',
  direct: '01966d35-7c00-7a1b-8c2d-3e4f5a6b7c8d',
  group: '01966d36-6660-7b2c-9d3e-4f5a6b7c8d9e',
  chat: '01966d38-3b20-7d4e-9f5a-6b7c8d9eafb0',
  message: '01966d37-50c0-7c3d-8e4f-5a6b7c8d9eaf',
} as const

export const times = {
  opened: '2025-04-25T08:00:00.000Z',
  sent: '2025-04-25T08:02:00.000Z',
  later: '2025-04-25T08:02:05.000Z',
  nextDay: '2025-04-26T03:15:00.000Z',
} as const

export const cursor = 'M2Z2RkpUcVhLUlFzT3A5c1siMjAyNS0wNC0yNVQwODowMjowMC4wMDBaIl0'
