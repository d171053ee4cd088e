import type { ComponentChildren } from 'preact'

/** Drawn with the colour of the text around; what it means is said beside it. */
const Icon = ({ children, wide = false }: { children: ComponentChildren; wide?: boolean }) => (
  <svg class="icon" viewBox={wide ? '0 0 30 24' : '0 0 24 24'} aria-hidden="true" focusable="false">
    {children}
  </svg>
)

export const BackIcon = () => (
  <Icon>
    <path d="m15 5-7 7 7 7" />
  </Icon>
)
export const PlusIcon = () => (
  <Icon>
    <path d="M12 5v14M5 12h14" />
  </Icon>
)
export const SendIcon = () => (
  <Icon>
    <path d="M4 12 20 4l-5 16-3.5-6.5L4 12Zm7.500 1.500L20 4" />
  </Icon>
)
export const MoreIcon = () => (
  <Icon>
    <path d="M12 5.500v.01M12 12v.01M12 18.500v.01" class="dots" />
  </Icon>
)
export const WireIcon = () => (
  <Icon>
    <path d="M7 7h12m0 0-3-3m3 3-3 3M17 17H5m0 0 3-3m-3 3 3 3" />
  </Icon>
)
export const CaretIcon = () => (
  <Icon>
    <path d="m7 10 5 5 5-5" />
  </Icon>
)
export const DownIcon = () => (
  <Icon>
    <path d="M12 5v14m-6-6 6 6 6-6" />
  </Icon>
)
export const TrashIcon = () => (
  <Icon>
    <path d="M5 7h14M10 7V5h4v2m-7 0 1 12h8l1-12" />
  </Icon>
)
export const ClockIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 7.500V12l3 2" />
  </Icon>
)
export const FailedIcon = () => (
  <Icon>
    <circle cx="12" cy="12" r="9" />
    <path d="M12 7v6M12 16.500v.01" />
  </Icon>
)
export const CheckIcon = () => (
  <Icon>
    <path d="m5 12.500 4.500 4.500L19 7" />
  </Icon>
)
export const ChecksIcon = () => (
  <Icon wide>
    <path d="m3 12.500 4.500 4.500L17 7M13.500 16l1 1L25 7" />
  </Icon>
)
export const MutedIcon = () => (
  <Icon>
    <path d="M6 16h12l-1.500-2.500V10a4.500 4.500 0 0 0-9 0v3.500L6 16Zm4 3h4M4 4l16 16" />
  </Icon>
)
